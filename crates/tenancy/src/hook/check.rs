//! Checks of hooks that meet: what cannot be meant is refused when settings or a tenant are loaded,
//! and says which hook and field.

use std::sync::Arc;

use super::exclusion::contradict;
use super::{Hook, Setting, Source};
use crate::decode::DecodeError;
use crate::keys::{DEFAULT_TOLERATIONS, NODE_SELECTOR};
use crate::metadata::Field;

/// Checks the hooks of one document against each other and against `others`, which run beside them.
/// Paths lead into `own`.
pub(crate) fn check(own: &[Arc<Hook>], others: &[Arc<Hook>]) -> Result<(), DecodeError> {
    for (index, hook) in own.iter().enumerate() {
        let fault = |(field, message): (String, String)| {
            DecodeError::new(
                format!("hooks[{index}].{field}"),
                format!("hook {:?}: {message}", hook.name),
            )
        };
        check_alone(hook).map_err(fault)?;
        let before = own.iter().take(index).chain(others);
        before.clone().try_for_each(|other| check_pair(hook, other)).map_err(fault)?;
        before.clone().try_for_each(|other| check_reads(hook, other)).map_err(fault)?;
        before.clone().try_for_each(|other| check_read_by(hook, other)).map_err(fault)?;
    }
    Ok(())
}

/// A field and what is wrong with it.
type Fault = (String, String);

fn check_alone(hook: &Hook) -> Result<(), Fault> {
    if contradict(&hook.when) {
        return Err((
            "when".to_owned(),
            "no namespace can fulfil all of its conditions, so it never runs: fix or remove one"
                .to_owned(),
        ));
    }
    if hook.node_selector.is_some() && !(hook.stages.admission && hook.stages.reconcile) {
        let message = "a node selector must be the same at both stages, or Pods land elsewhere after a repair: leave out `stages`";
        return Err(("set.nodeSelector".to_owned(), message.to_owned()));
    }
    let sets = |field, key| {
        hook.set.iter().any(|setting| (setting.field, setting.key.as_source()) == (field, key))
    };
    match hook.remove.iter().find(|removal| sets(removal.field, removal.key.as_source())) {
        Some(removal) => Err((
            "remove".to_owned(),
            format!(
                "it also sets {} {:?}: leave one of the two",
                removal.field,
                removal.key.as_source()
            ),
        )),
        None => check_reads(hook, hook).and_then(|()| check_placement(hook)),
    }
}

/// Where Pods run is what landlord writes, and no part of the base: such a hook would see the key
/// once, or never.
fn check_placement(hook: &Hook) -> Result<(), Fault> {
    let when = hook.when.iter().enumerate();
    let when = when.map(|(index, condition)| (format!("when[{index}]"), Some(&condition.place)));
    let set = hook.set.iter().map(|setting| (place_of(setting), setting.value.place()));
    let selector = hook.node_selector.iter().flatten();
    let selector =
        selector.map(|(key, source)| (format!("set.nodeSelector[{key:?}]"), source.place()));
    for (field, place) in when.chain(set).chain(selector) {
        let read = |key: &&str| place.is_some_and(|place| place.may_read(Field::Annotation, key));
        if let Some(key) = [NODE_SELECTOR, DEFAULT_TOLERATIONS].into_iter().find(|key| read(key)) {
            let message = format!(
                "it reads annotation {key:?}, which landlord itself may write: read other annotations, each by its key"
            );
            return Err((field, message));
        }
    }
    Ok(())
}

fn check_pair(hook: &Hook, other: &Hook) -> Result<(), Fault> {
    if hook.name == other.name {
        return Err((
            "name".to_owned(),
            "another hook has this name: choose one of its own".to_owned(),
        ));
    }
    let Some((field, key)) = clash(hook, other) else { return Ok(()) };
    if contradict(hook.when.iter().chain(&other.when)) {
        return Ok(());
    }
    let message = format!(
        "it and hook {:?} can give {key} different values: let their conditions exclude each other, or set it in one hook",
        other.name
    );
    Err((field, message))
}

/// The first key that both write, but not to the same value, with the field of the first hook.
fn clash(hook: &Hook, other: &Hook) -> Option<(String, String)> {
    let differs =
        |a: &&Setting, b: &Setting| a.field == b.field && a.key == b.key && a.value != b.value;
    let set =
        hook.set.iter().find(|setting| other.set.iter().any(|theirs| differs(setting, theirs)));
    let gone = hook.set.iter().find(|setting| {
        other
            .remove
            .iter()
            .any(|removal| (removal.field, &removal.key) == (setting.field, &setting.key))
    });
    let drops = hook.remove.iter().find(|removal| {
        other.set.iter().any(|theirs| (removal.field, &removal.key) == (theirs.field, &theirs.key))
    });
    let differs = |key: &str, source: &Source| {
        other.node_selector.iter().flatten().any(|(theirs, value)| theirs == key && value != source)
    };
    let pool = hook.node_selector.iter().flatten().find(|(key, source)| differs(key, source));
    let none = |hook: &Hook| hook.node_selector.as_ref().map(Vec::is_empty);
    let unlike = (none(hook), none(other));
    let unlike = matches!(unlike, (Some(one), Some(theirs)) if one != theirs);
    let of = |field: Field, key: &str| format!("{field} {key:?}");
    set.or(gone)
        .map(|setting| (place_of(setting), of(setting.field, setting.key.as_source())))
        .or(drops.map(|removal| ("remove".to_owned(), of(removal.field, removal.key.as_source()))))
        .or(pool.map(|(key, _)| {
            (format!("set.nodeSelector[{key:?}]"), format!("node selector key {key:?}"))
        }))
        .or_else(|| unlike.then(|| ("set.nodeSelector".to_owned(), "the node selector".to_owned())))
}

/// Where a setting is written, in its hook.
pub(crate) fn place_of(setting: &Setting) -> String {
    format!("set.{}[{:?}]", setting.field.member(), setting.key.as_source())
}

/// What hooks write is no part of the base that they read, so that no order of theirs matters.
fn check_reads(reader: &Hook, writer: &Hook) -> Result<(), Fault> {
    let reads = |field, key: &str| reader.written_from().any(|place| place.may_read(field, key));
    if let Some(removal) =
        writer.remove.iter().find(|removal| reads(removal.field, removal.key.as_source()))
    {
        let (field, key) = (removal.field, removal.key.as_source());
        return Err((
            "when".to_owned(),
            format!(
                "it reads {field} {key:?}, which hook {:?} removes: read another key",
                writer.name
            ),
        ));
    }
    match writer.set.iter().find(|setting| reads(setting.field, setting.key.as_source())) {
        Some(setting) => Err((
            "when".to_owned(),
            format!(
                "it reads {} {:?}, which hook {:?} sets, and hooks see only what none of them writes: to set a key only where it is absent, \
                 write `conflicts: keep`; else read another key",
                setting.field,
                setting.key.as_source(),
                writer.name
            ),
        )),
        None => Ok(()),
    }
}

/// The same, reported at the hook that writes.
fn check_read_by(writer: &Hook, reader: &Hook) -> Result<(), Fault> {
    let field = if writer.set.is_empty() { "remove" } else { "set" };
    check_reads(reader, writer).map_err(|(_, message)| {
        (field.to_owned(), format!("hook {:?} cannot run beside it: {message}", reader.name))
    })
}
