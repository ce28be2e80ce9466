//! The room kernel: events, authorisation rules, visibility, push rules; values in, values out.
