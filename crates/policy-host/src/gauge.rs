//! Gauge: what a call costs a policy, counted and not timed: instructions (wasmtime's fuel) and
//! pages of memory. The same call costs the same on every machine, so that a test can hold a policy
//! to a bound.
//!
//! It is a second, smaller waPC host, because wasmtime-provider gives its stores no fuel. Of WASI
//! it has what policies in Rust import, and its random numbers are zeros.

use std::sync::Arc;

use wapc::wapc_functions::REQUIRED_STARTS;
use wasmtime_provider::wasmtime::{
    Caller, Config, Engine, Error, Extern, Instance, InstancePre, Linker, Memory, Module, Store,
    Trap, TypedFunc,
};

use crate::call_error::CallError;
use crate::host_calls::HostCalls;
use crate::module::{GUEST_CALL, ModuleError};

/// WASI's "success" and "bad file descriptor".
const SUCCESS: i32 = 0;
const BAD_DESCRIPTOR: i32 = 8;
/// Where waPC and WASI functions are imported from.
const WAPC: &str = "wapc";
const WASI: &str = "wasi_snapshot_preview1";

/// A policy compiled so that it counts.
pub struct Gauge {
    engine: Engine,
    instance: InstancePre<Guest>,
}

/// What one call cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Instructions, and a unit more for each byte that an instruction copies or fills.
    pub fuel: u64,
    /// The most memory that the guest had, in pages of 64 KiB.
    pub pages: u64,
    /// What the guest answered.
    pub answer: Vec<u8>,
}

/// The state of one call.
struct Guest {
    operation: Vec<u8>,
    payload: Vec<u8>,
    host: Arc<dyn HostCalls>,
    /// The host's last answer.
    host_answer: Result<Vec<u8>, String>,
    response: Option<Vec<u8>>,
    error: Option<String>,
}

type Of<'a> = Caller<'a, Guest>;
/// The places of eight numbers: three names and a payload, each with its length.
type Call = (i32, i32, i32, i32, i32, i32, i32, i32);

impl Gauge {
    /// Compiles a waPC guest.
    pub fn compile(wasm: &[u8]) -> Result<Self, ModuleError> {
        let fault = |error: Error| ModuleError::Link(error.to_string());
        let engine = Engine::new(Config::new().consume_fuel(true)).map_err(fault)?;
        let module = Module::new(&engine, wasm)
            .map_err(|error| ModuleError::NotWasm(error.root_cause().to_string()))?;
        if module.get_export(GUEST_CALL).is_none() {
            return Err(ModuleError::NotWapc);
        }
        let instance =
            linker(&engine).and_then(|linker| linker.instantiate_pre(&module)).map_err(fault)?;
        Ok(Self { engine, instance })
    }

    /// Calls one operation in a fresh instance that may use up this much fuel.
    pub fn call(
        &self,
        operation: &str,
        payload: &[u8],
        host: Arc<dyn HostCalls>,
        fuel: u64,
    ) -> Result<Cost, CallError> {
        let start = |error: Error| CallError::Start(error.to_string());
        let guest = Guest {
            operation: operation.as_bytes().to_vec(),
            payload: payload.to_vec(),
            host,
            host_answer: Ok(Vec::new()),
            response: None,
            error: None,
        };
        let mut store = Store::new(&self.engine, guest);
        store.set_fuel(fuel).map_err(start)?;
        let instance = self.instance.instantiate(&mut store).map_err(start)?;
        initialise(&mut store, &instance).map_err(start)?;
        let call: TypedFunc<(i32, i32), i32> =
            instance.get_typed_func(&mut store, GUEST_CALL).map_err(start)?;
        let lengths = (length(operation.len()), length(payload.len()));
        call.call(&mut store, lengths).map_err(|error| trapped(operation, fuel, &error))?;
        let left = store.get_fuel().map_err(start)?;
        let pages =
            instance.get_memory(&mut store, "memory").map_or(0, |memory| memory.size(&store));
        let Guest { response, error, .. } = store.into_data();
        match (response, error) {
            (Some(answer), None) => Ok(Cost { fuel: fuel - left, pages, answer }),
            (_, error) => {
                Err(CallError::Guest(format!("Guest call failure: {}", error.unwrap_or_default())))
            }
        }
    }
}

fn initialise(store: &mut Store<Guest>, instance: &Instance) -> Result<(), Error> {
    for name in REQUIRED_STARTS {
        if instance.get_export(&mut *store, name).is_some() {
            instance.get_typed_func::<(), ()>(&mut *store, name)?.call(&mut *store, ())?;
        }
    }
    Ok(())
}

fn trapped(operation: &str, fuel: u64, error: &Error) -> CallError {
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => CallError::Fuel { operation: operation.to_owned(), fuel },
        _ => CallError::Guest(format!("{error:#}")),
    }
}

fn linker(engine: &Engine) -> Result<Linker<Guest>, Error> {
    let mut linker = Linker::new(engine);
    linker.func_wrap(
        WAPC,
        "__guest_request",
        |mut guest: Of<'_>, operation: i32, payload: i32| {
            let (name, body) = (guest.data().operation.clone(), guest.data().payload.clone());
            write(&mut guest, operation, &name)?;
            write(&mut guest, payload, &body)
        },
    )?;
    linker.func_wrap(WAPC, "__guest_response", |mut guest: Of<'_>, at: i32, length: i32| {
        let bytes = read(&mut guest, at, length)?;
        guest.data_mut().response = Some(bytes);
        Ok::<_, Error>(())
    })?;
    linker.func_wrap(WAPC, "__guest_error", |mut guest: Of<'_>, at: i32, length: i32| {
        let words = read_guest_text(&mut guest, at, length)?;
        guest.data_mut().error = Some(words);
        Ok::<_, Error>(())
    })?;
    linker.func_wrap(WAPC, "__console_log", |_: Of<'_>, _: i32, _: i32| {})?;
    link_host_calls(&mut linker)?;
    link_wasi(&mut linker)?;
    Ok(linker)
}

fn link_host_calls(linker: &mut Linker<Guest>) -> Result<(), Error> {
    linker.func_wrap(
        WAPC,
        "__host_call",
        |mut guest: Of<'_>, a: i32, b: i32, c: i32, d: i32, e: i32, f: i32, g: i32, h: i32| {
            host_call(&mut guest, (a, b, c, d, e, f, g, h))
        },
    )?;
    linker.func_wrap(WAPC, "__host_response_len", |guest: Of<'_>| {
        guest.data().host_answer.as_ref().map_or(0, |bytes| length(bytes.len()))
    })?;
    linker.func_wrap(WAPC, "__host_response", |mut guest: Of<'_>, at: i32| {
        let bytes = guest.data().host_answer.clone().unwrap_or_default();
        write(&mut guest, at, &bytes)
    })?;
    linker.func_wrap(WAPC, "__host_error_len", |guest: Of<'_>| {
        guest.data().host_answer.as_ref().err().map_or(0, |words| length(words.len()))
    })?;
    linker.func_wrap(WAPC, "__host_error", |mut guest: Of<'_>, at: i32| {
        let words = guest.data().host_answer.clone().err().unwrap_or_default();
        write(&mut guest, at, words.as_bytes())
    })?;
    Ok(())
}

/// What Rust's standard library asks for: seeds of its maps, an environment (none), standard error
/// (none), and an end.
fn link_wasi(linker: &mut Linker<Guest>) -> Result<(), Error> {
    linker.func_wrap(WASI, "random_get", |mut guest: Of<'_>, at: i32, length: i32| {
        write(&mut guest, at, &vec![0; place(length)?])?;
        Ok::<_, Error>(SUCCESS)
    })?;
    linker.func_wrap(WASI, "environ_get", |_: Of<'_>, _: i32, _: i32| SUCCESS)?;
    linker.func_wrap(WASI, "environ_sizes_get", |mut guest: Of<'_>, count: i32, size: i32| {
        write(&mut guest, count, &[0; 4])?;
        write(&mut guest, size, &[0; 4])?;
        Ok::<_, Error>(SUCCESS)
    })?;
    linker
        .func_wrap(WASI, "fd_write", |_: Of<'_>, _: i32, _: i32, _: i32, _: i32| BAD_DESCRIPTOR)?;
    linker.func_wrap(WASI, "proc_exit", |_: Of<'_>, code: i32| -> Result<(), Error> {
        Err(Error::msg(format!("the guest exits with {code}")))
    })?;
    Ok(())
}

fn host_call(
    guest: &mut Of<'_>,
    (binding, a, namespace, b, operation, c, payload, d): Call,
) -> Result<i32, Error> {
    let (binding, namespace) =
        (read_guest_text(guest, binding, a)?, read_guest_text(guest, namespace, b)?);
    let (operation, payload) = (read_guest_text(guest, operation, c)?, read(guest, payload, d)?);
    let answer = guest.data().host.call(&binding, &namespace, &operation, &payload);
    let granted = answer.is_ok();
    guest.data_mut().host_answer = answer;
    Ok(i32::from(granted))
}

fn memory(guest: &mut Of<'_>) -> Result<Memory, Error> {
    guest
        .get_export("memory")
        .and_then(Extern::into_memory)
        .ok_or_else(|| Error::msg("the guest exports no memory"))
}

fn write(guest: &mut Of<'_>, at: i32, bytes: &[u8]) -> Result<(), Error> {
    Ok(memory(guest)?.write(guest, place(at)?, bytes)?)
}

fn read(guest: &mut Of<'_>, at: i32, length: i32) -> Result<Vec<u8>, Error> {
    let mut bytes = vec![0; place(length)?];
    memory(guest)?.read(guest, place(at)?, &mut bytes)?;
    Ok(bytes)
}

fn read_guest_text(guest: &mut Of<'_>, at: i32, length: i32) -> Result<String, Error> {
    Ok(String::from_utf8_lossy(&read(guest, at, length)?).into_owned())
}

/// WebAssembly's numbers have no sign of their own: an address in the upper half of the memory
/// comes as a negative one.
fn place(number: i32) -> Result<usize, Error> {
    Ok(usize::try_from(number.cast_unsigned())?)
}

/// What does not fit is no address either, so the guest traps.
fn length(bytes: usize) -> i32 {
    u32::try_from(bytes).map_or(-1, u32::cast_signed)
}
