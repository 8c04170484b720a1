//! Lease: which one elects the replica that writes.

use clap::Args;

/// Which Lease it is, in the controller's namespace.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Election")]
pub(crate) struct LeaseFlags {
    /// Name of the controller's lease
    #[arg(
        long = "lease-name",
        env = "LANDLORD_LEASE_NAME",
        value_name = "NAME",
        default_value = "landlord-controller"
    )]
    pub(crate) name: String,
}
