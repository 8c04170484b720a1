//! Limits: what one evaluation may use, with the flags of Kubewarden's policy server.

use std::time::Duration;

use clap::Args;
use policy_host::Limits;

#[derive(Args, Debug)]
pub(crate) struct LimitFlags {
    /// Interrupt an evaluation after this many seconds; it is a denial then
    #[arg(long, env = "POLICY_HOST_POLICY_TIMEOUT", value_name = "SECONDS", default_value_t = policy_host::module::DEADLINE.as_secs(), value_parser = clap::value_parser!(u64).range(1..))]
    policy_timeout: u64,
    /// Let evaluations take as long as they take
    #[arg(long, env = "POLICY_HOST_DISABLE_TIMEOUT_PROTECTION")]
    disable_timeout_protection: bool,
    /// Memory that one evaluation may have, in MiB (default: all that WebAssembly can address);
    /// more is a denial
    #[arg(long, env = "POLICY_HOST_MAX_MEMORY", value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..4096))]
    max_memory: Option<u32>,
}

impl LimitFlags {
    /// What they say.
    pub(crate) fn limits(&self) -> Limits {
        let deadline =
            (!self.disable_timeout_protection).then(|| Duration::from_secs(self.policy_timeout));
        Limits {
            deadline,
            memory: self.max_memory.map(|mebibytes| mebibytes as usize * 1024 * 1024),
        }
    }
}
