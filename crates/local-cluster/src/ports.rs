//! Ports of loopback that nobody uses at the moment.

use std::io;
use std::net::{Ipv4Addr, TcpListener};

/// `N` different free ports. Another program can take one before it is used, so whoever starts a server tries again then.
pub(crate) fn free<const N: usize>() -> io::Result<[u16; N]> {
    let mut held = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}
