//! Page: which rows of many are answered. The browser asks for one page at a time.

/// Rows of a page at most, and where the query does not say how many.
const MAX_ROWS: usize = 500;
const DEFAULT_ROWS: usize = 100;

/// The rows after `offset`, `limit` of them where that is given, 500 at most.
pub(super) fn cut<T>(
    rows: impl IntoIterator<Item = T>,
    offset: usize,
    limit: Option<usize>,
) -> impl Iterator<Item = T> {
    rows.into_iter().skip(offset).take(limit.unwrap_or(DEFAULT_ROWS).min(MAX_ROWS))
}

/// What is searched for, in small letters; empty for everything.
pub(super) fn search_text(search: Option<&str>) -> String {
    search.unwrap_or_default().trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_as_many_rows_as_asked_for_and_no_more_than_may_be() {
        let count = |offset, limit| cut(0..1000, offset, limit).count();
        assert_eq!(
            [count(0, None), count(0, Some(7)), count(0, Some(999)), count(995, None)],
            [100, 7, 500, 5]
        );
        assert_eq!(cut(0..9, 4, Some(2)).collect::<Vec<_>>(), [4, 5]);
    }
}
