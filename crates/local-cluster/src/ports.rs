//! Ports of loopback for servers that have to be told one, and that come back to it after a crash.
//!
//! A port that the system hands out is free for the next who asks as soon as it is given back, and
//! between a crash and the return a client's own connection may come to sit on it. So these are
//! from below the range that the system hands out, and each is reserved by a locked file for as
//! long as its handle lives.

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

/// Below are those that programs are known by.
const LOWEST: u16 = 12_000;
/// Where the range that the system hands out begins, if it does not say
/// (<https://docs.kernel.org/networking/ip-sysctl.html>).
const HANDED_OUT: u16 = 32_768;
/// Where it says so: the first port and the last one.
const RANGE: &str = "/proc/sys/net/ipv4/ip_local_port_range";
/// How many ports are tried; hardly one in a hundred is taken.
const ATTEMPTS: u32 = 200;

/// A port that no other cluster of this machine gets.
#[derive(Debug)]
pub struct Port {
    number: u16,
    // Locked until it is closed.
    _reservation: File,
}

impl Port {
    /// Reserves a port that nobody uses.
    pub fn reserve() -> io::Result<Self> {
        let folder = reservations();
        fs::create_dir_all(&folder)?;
        let free = (0..ATTEMPTS)
            .map(|_| Self::try_to_reserve(&folder, random_number()))
            .find_map(Result::transpose);
        free.unwrap_or_else(|| {
            Err(io::Error::other(format!(
                "no free port from {LOWEST} on after {ATTEMPTS} attempts"
            )))
        })
    }

    /// `None` where a user has it.
    fn try_to_reserve(folder: &Path, number: u16) -> io::Result<Option<Self>> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(folder.join(number.to_string()))?;
        let free =
            file.try_lock().is_ok() && TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok();
        Ok(free.then_some(Self { number, _reservation: file }))
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }
}

/// A file a port. They stay: one that is removed while it is locked would be there twice.
fn reservations() -> PathBuf {
    std::env::temp_dir().join("landlord-ports")
}

fn random_number() -> u16 {
    let said = fs::read_to_string(RANGE)
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse().ok());
    let end = said.filter(|first| *first > LOWEST + 1000).unwrap_or(HANDED_OUT);
    let random = RandomState::new().hash_one(0) % u64::from(end - LOWEST);
    LOWEST + u16::try_from(random).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_nobody_elses_until_its_handle_is_dropped() {
        let port = Port::reserve().expect("a port");
        let number = port.number();
        let again = || {
            Port::try_to_reserve(&reservations(), number).expect("a file").map(|port| port.number())
        };
        assert_eq!(again(), None);
        drop(port);
        assert_eq!(again(), Some(number));
    }

    #[test]
    fn a_port_that_is_listened_on_is_not_reserved() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let folder = tempfile::tempdir().expect("a folder");
        let number = listener.local_addr().expect("an address").port();
        assert!(Port::try_to_reserve(folder.path(), number).expect("a file").is_none());
    }
}
