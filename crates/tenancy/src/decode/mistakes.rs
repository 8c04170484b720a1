//! Mistakes: all of a document, not only the first. What is at fault is taken out, and the rest is
//! read again.

use serde_json::Value;

use super::DecodeError;

/// Enough for a person at once; each costs a reading of the document.
const MAX_MISTAKES: usize = 16;

/// A member or an element.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Name(String),
    Index(usize),
}

/// Every fault that `read` finds in the document, of which `first` is the first, in one.
#[cold]
pub(crate) fn collect(
    document: &Value,
    first: DecodeError,
    read: &dyn Fn(&Value) -> Option<DecodeError>,
) -> DecodeError {
    let mut all = first.clone();
    let mut rest = document.clone();
    // Where the document had them.
    let mut removed: Vec<Vec<Step>> = Vec::new();
    let mut next = Some(first);
    while let Some(fault) = next.take_if(|_| removed.len() < MAX_MISTAKES) {
        let found = locate(&rest, &fault);
        let place = place_before(&found, &removed);
        // What holds something that was taken out is at fault for the lack of it.
        let follows = removed.iter().any(|gone| gone.starts_with(&place));
        if !removed.is_empty() && !follows {
            let path = number_anew(&fault.path, &place);
            all.message = format!("{}; also {}", all.message, DecodeError { path, ..fault });
        }
        if found.is_empty() {
            break;
        }
        remove(&mut rest, &found);
        removed.push(place);
        next = read(&rest);
    }
    all
}

/// The innermost value that is there on the way to the fault; of an unknown field the field.
fn locate(document: &Value, fault: &DecodeError) -> Vec<Step> {
    let (mut value, mut path, mut steps) = (document, fault.path.as_str(), Vec::new());
    while let Some((step, inner, rest)) = descend(value, path) {
        steps.push(step);
        (value, path) = (inner, rest);
    }
    let unknown =
        fault.message.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next());
    let unknown = unknown.filter(|name| path.is_empty() && value.get(*name).is_some());
    steps.extend(unknown.map(|name| Step::Name(name.to_owned())));
    steps
}

fn descend<'v, 'p>(value: &'v Value, path: &'p str) -> Option<(Step, &'v Value, &'p str)> {
    let path = path.strip_prefix('.').unwrap_or(path);
    match value {
        Value::Object(members) => {
            // Names may hold dots, so the longest that fits is meant.
            let fits = |(name, value): (&String, &'v Value)| {
                let quoted = format!("[{name:?}]");
                let rest = path.strip_prefix(name).or_else(|| path.strip_prefix(&quoted))?;
                let ends = !name.is_empty() && (rest.is_empty() || rest.starts_with(['.', '[']));
                ends.then(|| (Step::Name(name.clone()), value, rest))
            };
            members.iter().filter_map(fits).min_by_key(|(_, _, rest)| rest.len())
        }
        Value::Array(elements) => {
            let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
            let index = index.parse().ok()?;
            Some((Step::Index(index), elements.get(index)?, rest))
        }
        _ => None,
    }
}

/// Where a value of the rest was in the document: elements before it may be gone.
fn place_before(found: &[Step], removed: &[Vec<Step>]) -> Vec<Step> {
    let mut place: Vec<Step> = Vec::new();
    for step in found {
        let step = match step {
            Step::Name(_) => step.clone(),
            Step::Index(index) => {
                let is_gone = |index: usize| {
                    let gone = [place.as_slice(), &[Step::Index(index)]].concat();
                    removed.contains(&gone)
                };
                Step::Index(
                    (0..).filter(|before| !is_gone(*before)).nth(*index).unwrap_or_default(),
                )
            }
        };
        place.push(step);
    }
    place
}

/// The path with the indices of the place.
fn number_anew(path: &str, place: &[Step]) -> String {
    let mut indices = place.iter().filter_map(|step| match step {
        Step::Index(index) => Some(index),
        Step::Name(_) => None,
    });
    let part = |part: &str| match part.split_once(']') {
        Some((index, rest)) if index.parse::<usize>().is_ok() => match indices.next() {
            Some(index) => format!("{index}]{rest}"),
            None => part.to_owned(),
        },
        _ => part.to_owned(),
    };
    path.split('[').map(part).collect::<Vec<_>>().join("[")
}

fn remove(document: &mut Value, place: &[Step]) {
    match (place, document) {
        ([Step::Name(name)], Value::Object(members)) => drop(members.remove(name)),
        ([Step::Index(index)], Value::Array(elements)) if *index < elements.len() => {
            drop(elements.remove(*index));
        }
        ([Step::Name(name), place @ ..], Value::Object(members)) => {
            members.get_mut(name).into_iter().for_each(|value| remove(value, place));
        }
        ([Step::Index(index), place @ ..], Value::Array(elements)) => {
            elements.get_mut(*index).into_iter().for_each(|value| remove(value, place));
        }
        _ => {}
    }
}
