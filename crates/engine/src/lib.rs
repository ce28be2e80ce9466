//! The use cases: accounts, devices, rooms, sync, media, push.
