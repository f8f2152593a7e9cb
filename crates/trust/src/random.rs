//! Random bytes of the operating system, taken in batches.
//!
//! A nonce per sealed body at one system call each would cost more than the SM3 work beside it; a batch of
//! [`BATCH_BYTES`] per thread brings that to a few nanoseconds without a second generator whose state could be forked.

use std::cell::RefCell;

use zeroize::Zeroize;

/// One page: the kernel fills it in about ten microseconds, enough for 341 nonces.
const BATCH_BYTES: usize = 4096;

/// Bytes not yet handed out; `used` counts from the front, and what was handed out is overwritten.
struct Batch {
    bytes: [u8; BATCH_BYTES],
    used: usize,
}

thread_local! {
    static BATCH: RefCell<Batch> = const { RefCell::new(Batch { bytes: [0; BATCH_BYTES], used: BATCH_BYTES }) };
}

/// Random bytes.
///
/// # Panics
/// When the operating system has none: going on would mean keys that can be guessed.
pub(crate) fn bytes<const LENGTH: usize>() -> [u8; LENGTH] {
    const { assert!(LENGTH <= BATCH_BYTES) };
    BATCH.with_borrow_mut(|batch| {
        if batch.used + LENGTH > BATCH_BYTES {
            if let Err(error) = getrandom::fill(&mut batch.bytes) {
                panic!("the operating system gives no random bytes: {error}");
            }
            batch.used = 0;
        }
        let mut out = [0; LENGTH];
        let taken = &mut batch.bytes[batch.used..batch.used + LENGTH];
        out.copy_from_slice(taken);
        taken.zeroize();
        batch.used += LENGTH;
        out
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn batches_never_repeat_across_refills_and_threads() {
        let threads: Vec<_> =
            (0..4).map(|_| std::thread::spawn(|| (0..1000).map(|_| bytes::<12>()).collect::<Vec<_>>())).collect();
        let mut seen = HashSet::new();
        for thread in threads {
            for nonce in thread.join().unwrap() {
                assert_ne!(nonce, [0; 12]);
                assert!(seen.insert(nonce));
            }
        }
    }
}
