//! Flags that several commands share, and what they make of them.

mod connection;
mod dashboard;
mod duration;
mod lease;
mod log;
mod pace;
mod settings;

pub(crate) use self::connection::Connection;
pub(crate) use self::dashboard::DashboardFlags;
pub(crate) use self::duration::parse_duration;
pub(crate) use self::lease::LeaseFlags;
pub(crate) use self::log::{LogFlags, LogFormat};
pub(crate) use self::pace::PaceFlags;
pub(crate) use self::settings::SettingsFlags;
