//! Where a check is in the tree, kept on the stack so that clean resources cost no allocation.

use std::fmt;

/// A path and the way back to the root.
#[derive(Clone, Copy)]
pub(super) struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    name: &'p str,
    index: Option<usize>,
}

impl<'p> Path<'p> {
    /// The root: the name of a resource type.
    pub(super) fn root(name: &'p str) -> Self {
        Self { parent: None, name, index: None }
    }

    /// A property of this place.
    pub(super) fn name(&'p self, name: &'p str) -> Self {
        Self { parent: Some(self), name, index: None }
    }

    /// The last name of the path, without the index.
    pub(super) fn own_name(&self) -> &'p str {
        self.name
    }

    /// An item of this place, which is an array.
    pub(super) fn index(self, index: usize) -> Self {
        Self { index: Some(index), ..self }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            write!(f, "{parent}.")?;
        }
        f.write_str(self.name)?;
        if let Some(index) = self.index { write!(f, "[{index}]") } else { Ok(()) }
    }
}
