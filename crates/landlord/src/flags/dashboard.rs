//! Dashboard: whether there is one, and for whom.

use std::net::SocketAddr;

use clap::{Args, ValueEnum};
use dashboard::{Access, Door};

/// Where the dashboard is if no address is given.
const LOOPBACK: &str = "127.0.0.1:8082";

/// See the module.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Dashboard")]
pub(crate) struct DashboardFlags {
    /// Serve the dashboard; without an address for this machine alone, at 127.0.0.1:8082. Port 0
    /// takes any free one and prints it
    #[arg(long, env = "LANDLORD_WEB", value_name = "IP:PORT", num_args = 0..=1, require_equals = true, default_missing_value = LOOPBACK)]
    web: Option<SocketAddr>,
    /// Who may see it: any client that reaches it, or those whose bearer token the API server knows and
    /// lets GET /landlord/dashboard [default: open on a loopback address, token on any other]
    #[arg(long, env = "LANDLORD_WEB_ACCESS", value_enum, value_name = "WHO")]
    web_access: Option<WebAccess>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum WebAccess {
    /// Anyone who reaches it
    Open,
    /// Those whose token the API server knows and allows
    Token,
}

impl DashboardFlags {
    /// Listens, if there is to be a dashboard.
    pub(crate) async fn listen(&self) -> std::io::Result<Option<Door>> {
        let access = self.web_access.map(|access| match access {
            WebAccess::Open => Access::Open,
            WebAccess::Token => Access::Token,
        });
        match self.web {
            Some(address) => Door::listen(address, access).await.map(Some),
            None => Ok(None),
        }
    }

    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.web
    }
}
