//! The policy: decides Namespace admission requests with the engine of crate `tenancy`.
