//! Operation: one step of a JSON patch (RFC 6902), at a path that is given by its tokens, which are
//! escaped (RFC 6901).

use json_patch::jsonptr::{PointerBuf, Token};
use json_patch::{AddOperation, PatchOperation, RemoveOperation, TestOperation};
use serde_json::Value;

/// Nothing of the patch is done unless this value is there.
pub fn test<'a>(
    path: impl IntoIterator<Item: Into<Token<'a>>>,
    value: impl Into<Value>,
) -> PatchOperation {
    PatchOperation::Test(TestOperation { path: PointerBuf::from_tokens(path), value: value.into() })
}

/// Adds the value, or puts it in the place of another one.
pub fn add<'a>(
    path: impl IntoIterator<Item: Into<Token<'a>>>,
    value: impl Into<Value>,
) -> PatchOperation {
    PatchOperation::Add(AddOperation { path: PointerBuf::from_tokens(path), value: value.into() })
}

/// Removes what must be there.
pub fn remove<'a>(path: impl IntoIterator<Item: Into<Token<'a>>>) -> PatchOperation {
    PatchOperation::Remove(RemoveOperation { path: PointerBuf::from_tokens(path) })
}
