//! Host: the policy server's side, as the policy sees it.

/// A waPC host. Errors are its words; they tell "not found" from "not allowed".
pub trait Host {
    /// Calls an operation of the host with JSON and returns its JSON.
    fn call(
        &self,
        binding: &str,
        namespace: &str,
        operation: &str,
        payload: &[u8],
    ) -> Result<Vec<u8>, String>;
}

/// The host that runs this guest.
#[cfg(target_os = "wasi")]
pub(crate) struct Wapc;

#[cfg(target_os = "wasi")]
impl Host for Wapc {
    fn call(
        &self,
        binding: &str,
        namespace: &str,
        operation: &str,
        payload: &[u8],
    ) -> Result<Vec<u8>, String> {
        wapc_guest::host_call(binding, namespace, operation, payload)
            .map_err(|error| error.to_string())
    }
}
