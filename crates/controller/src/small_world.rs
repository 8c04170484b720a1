//! The small world: two tenants with an owner each, a few namespaces, an admin and a controller.
//! Every order of their acts, failures of the controller's writes among them, is played over the
//! engine, the policy and the planner as they are, and after each act the laws must hold:
//!
//! 7. *Fail closed*: a namespace at which the controller has looked is ready only if its Pods go to
//!    the pool that its tenant has now, whether the write of it passed or not.
//! 8. *Trust is on record*: landlord records a tenant only where a user who may claim it asked
//!    for it by an admission request, or an admin did, or its creator may claim it; and nobody but
//!    an admin makes a namespace nobody's.
//!
//! What the guard does in CEL is written here in Rust ([`api_server`]); tests on a real API server
//! hold the guard to the same cases (`cluster::guard` of the command line's tests).

use self::explore::explore;
use self::state::{Form, State};

mod act;
mod api_server;
mod explore;
mod state;

fn hold_the_laws(form: Form, namespaces: usize, depth: usize) {
    let explored = explore(State::new(form, namespaces), depth);
    println!("{} states within {depth} acts", explored.states.len());
    for (number, state) in explored.states.iter().enumerate() {
        if let Some(law) = &state.broken {
            panic!("{law}, after {:?}: {state:#?}", explored.way(number));
        }
    }
    // That the world is no desert: what is to happen happens somewhere.
    let happens = |what: fn(&State) -> bool| explored.states.iter().any(what);
    assert!(happens(State::is_any_ready), "a namespace is ready");
    assert!(happens(State::is_any_held), "a namespace is not ready");
    assert!(depth < 4 || happens(State::is_any_moved), "a namespace is moved");
}

#[test]
fn with_webhook_and_guard_one_namespace() {
    hold_the_laws(Form::BOTH, 1, 5);
}

#[test]
fn with_the_guard_alone_one_namespace() {
    hold_the_laws(Form::GUARD, 1, 5);
}

#[test]
fn with_webhook_and_guard_three_namespaces() {
    hold_the_laws(Form::BOTH, 3, 3);
}

#[test]
fn with_the_guard_alone_three_namespaces() {
    hold_the_laws(Form::GUARD, 3, 3);
}
