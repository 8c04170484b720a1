//! Module: a policy compiled once, instantiated anew for every call.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use wapc::WapcHost;
use wasmtime_provider::wasmtime::{Config, Engine, Module};
use wasmtime_provider::{
    EpochDeadlines, ResourceLimits, WasmtimeEngineProviderBuilder, WasmtimeEngineProviderPre,
};

use crate::call_error::CallError;
use crate::host_calls::HostCalls;
use crate::verdict::Verdict;

/// How long a call may take, as in Kubewarden's policy server.
pub const DEADLINE: Duration = Duration::from_secs(2);
/// How often the clock that ends overlong calls ticks.
const TICK: Duration = Duration::from_millis(10);
/// A deadline that never comes.
const NEVER: u64 = u64::MAX / 2;
/// What wasmtime-provider says of a call that it ended.
const INTERRUPTED: &str = "execution deadline exceeded";
/// Exported by every waPC guest.
pub(crate) const GUEST_CALL: &str = "__guest_call";

/// A compiled policy.
pub struct PolicyModule {
    instance: WasmtimeEngineProviderPre,
    limits: Limits,
    _clock: Clock,
}

/// What one call may use; more ends it, and that is a denial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `None`: as long as it takes.
    pub deadline: Option<Duration>,
    /// Bytes of memory; `None`: all that WebAssembly can address.
    pub memory: Option<usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { deadline: Some(DEADLINE), memory: None }
    }
}

impl Limits {
    fn deadlines(self) -> EpochDeadlines {
        let ticks = self.deadline.map(|deadline| {
            u64::try_from(deadline.as_millis() / TICK.as_millis()).unwrap_or(NEVER).clamp(1, NEVER)
        });
        let ticks = ticks.unwrap_or(NEVER);
        EpochDeadlines { wapc_init: ticks, wapc_func: ticks }
    }
}

/// A file that is no policy.
#[derive(Debug, thiserror::Error)]
pub enum ModuleError {
    #[error("not a WebAssembly module ({0}): give the policy.wasm that `make policy.wasm` builds")]
    NotWasm(String),
    #[error(
        "not a waPC guest, {GUEST_CALL:?} is not among its exports: Kubewarden policies in Rego or WASI are not supported"
    )]
    NotWapc,
    #[error("the policy cannot be linked: {0}")]
    Link(String),
}

/// The policy's answer to `validate_settings`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SettingsVerdict {
    pub valid: bool,
    pub message: Option<String>,
}

impl PolicyModule {
    /// Compiles a waPC guest. This takes long; calls do not.
    pub fn compile(wasm: &[u8]) -> Result<Self, ModuleError> {
        Self::compile_within(wasm, Limits::default())
    }

    /// The same with other limits than Kubewarden's.
    pub fn compile_within(wasm: &[u8], limits: Limits) -> Result<Self, ModuleError> {
        let engine = Engine::new(Config::new().epoch_interruption(true))
            .map_err(|error| ModuleError::Link(error.to_string()))?;
        let module = Module::new(&engine, wasm)
            .map_err(|error| ModuleError::NotWasm(error.root_cause().to_string()))?;
        if module.get_export(GUEST_CALL).is_none() {
            return Err(ModuleError::NotWapc);
        }
        let resources = ResourceLimits { max_memory_size: limits.memory, max_table_elements: None };
        let builder = WasmtimeEngineProviderBuilder::new()
            .engine(engine.clone())
            .module(module)
            .enable_epoch_interruptions(limits.deadlines())
            .enable_resource_limits(resources);
        let instance = builder.build_pre().map_err(|error| ModuleError::Link(error.to_string()))?;
        Ok(Self { instance, limits, _clock: Clock::start(engine) })
    }

    /// Evaluates an AdmissionRequest (as JSON, `request.request` of an AdmissionReview) under
    /// `settings`. A policy that fails is a rejection, as in Kubewarden.
    pub fn validate(&self, request: &Value, settings: &Value, host: Arc<dyn HostCalls>) -> Verdict {
        let payload = json!({"request": request, "settings": settings}).to_string();
        match self.call_json("validate", payload.as_bytes(), host) {
            Ok(response) => Verdict::of_response(request, response),
            Err(error) => Verdict::of_failure(request, &error),
        }
    }

    /// Asks the policy whether these settings are valid.
    pub fn validate_settings(&self, settings: &Value) -> Result<SettingsVerdict, CallError> {
        self.call_json(
            "validate_settings",
            settings.to_string().as_bytes(),
            Arc::new(crate::Denied),
        )
    }

    /// The protocol that the policy speaks: `v1`.
    pub fn protocol_version(&self) -> Result<String, CallError> {
        self.call_json("protocol_version", &[], Arc::new(crate::Denied))
    }

    fn call_json<T: serde::de::DeserializeOwned>(
        &self,
        operation: &str,
        payload: &[u8],
        host: Arc<dyn HostCalls>,
    ) -> Result<T, CallError> {
        let answer = self.call(operation, payload, host)?;
        serde_json::from_slice(&answer)
            .map_err(|source| CallError::Answer { operation: operation.to_owned(), source })
    }

    /// Calls one operation in a fresh instance.
    pub fn call(
        &self,
        operation: &str,
        payload: &[u8],
        host: Arc<dyn HostCalls>,
    ) -> Result<Vec<u8>, CallError> {
        let start = |error: &dyn std::fmt::Display| CallError::Start(error.to_string());
        let provider = self
            .instance
            .rehydrate(Some(self.limits.deadlines()))
            .map_err(|error| start(&error))?;
        let answer = move |_, binding: &str, namespace: &str, operation: &str, payload: &[u8]| {
            host.call(binding, namespace, operation, payload).map_err(Into::into)
        };
        let guest = WapcHost::new(Box::new(provider), Some(Box::new(answer)))
            .map_err(|error| start(&error))?;
        guest.call(operation, payload).map_err(|error| self.failure(operation, &error))
    }

    fn failure(&self, operation: &str, error: &wapc::errors::Error) -> CallError {
        let words = error.to_string();
        match self.limits.deadline.filter(|_| words.contains(INTERRUPTED)) {
            Some(deadline) => CallError::Deadline { operation: operation.to_owned(), deadline },
            None => CallError::Guest(words),
        }
    }
}

/// Ticks the engine's epoch as long as the module lives.
struct Clock {
    stopped: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Clock {
    fn start(engine: Engine) -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stopped);
        let tick = move || {
            while !seen.load(Ordering::Relaxed) {
                thread::sleep(TICK);
                engine.increment_epoch();
            }
        };
        Self { stopped, thread: Some(thread::spawn(tick)) }
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        // A clock that panicked has stopped as well.
        drop(self.thread.take().map(thread::JoinHandle::join));
    }
}
