//! Collection: maps and sets of few entries, filled one by one.

/// What `collect` would give. For a `BTreeMap` or `BTreeSet`, `collect` sorts all entries first and
/// then builds the tree in bulk, which is 5 KB of code for each pair of types; the maps here are
/// short.
pub fn gather<C: Default + Extend<T>, T>(entries: impl IntoIterator<Item = T>) -> C {
    let mut collection = C::default();
    collection.extend(entries);
    collection
}

/// The same where an entry can be at fault: the first fault is the answer.
pub(crate) fn try_gather<C: Default + Extend<T>, T, E>(
    entries: impl IntoIterator<Item = Result<T, E>>,
) -> Result<C, E> {
    let mut collection = C::default();
    for entry in entries {
        collection.extend([entry?]);
    }
    Ok(collection)
}
