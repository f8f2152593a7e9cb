//! Structure definitions (in work).
use super::Source;
use anyhow::Result;
pub fn structures(_source: &Source) -> Result<Vec<u8>> {
    Ok(b"{}".to_vec())
}
