//! The HTTP edge: the Matrix client-server API and the administration API.
