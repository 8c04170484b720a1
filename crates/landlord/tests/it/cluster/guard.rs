//! The guard on a real API server: nothing else answers, unless a test says so. Users have every
//! right in tenants' namespaces that RBAC can give.
mod attacks;
mod claims;
mod forms;
mod garbage;
mod keeper;
mod older;
mod places;
mod pods;
mod ready;
mod record;
mod stage;
