//! See the module's first commit.
