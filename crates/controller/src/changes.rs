//! Changes: which names changed since a reader took them. The writer notes them, one at a time; a
//! reader takes all at once and reads what each name stands for now.

use std::collections::HashSet;

/// See the module. Nothing is noted before a user reads.
#[derive(Debug, Default)]
pub struct Changes {
    names: Option<HashSet<String>>,
}

impl Changes {
    /// Something changed about this one.
    pub fn note(&mut self, name: &str) {
        if let Some(names) = &mut self.names
            && !names.contains(name)
        {
            names.insert(name.to_owned());
        }
    }

    /// What changed since it was taken last; `None` at first, which stands for everything.
    pub fn take(&mut self) -> Option<HashSet<String>> {
        self.names.replace(HashSet::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_taken_once() {
        let mut changes = Changes::default();
        changes.note("before");
        assert_eq!(changes.take(), None, "nobody has read anything yet");
        ["a", "b", "a"].into_iter().for_each(|name| changes.note(name));
        assert_eq!(changes.take(), Some(["a", "b"].map(str::to_owned).into()));
        assert_eq!(changes.take(), Some(HashSet::new()));
    }
}
