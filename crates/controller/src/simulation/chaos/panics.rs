//! Panics: how many there were in this thread's tasks. A task that panics ends quietly, and nobody
//! would know.

use std::cell::Cell;
use std::panic::{set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

/// Counts from now on.
pub(super) fn forget() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |info| {
            COUNT.set(COUNT.get() + 1);
            before(info);
        }));
    });
    COUNT.set(0);
}

pub(super) fn count() -> usize {
    COUNT.get()
}
