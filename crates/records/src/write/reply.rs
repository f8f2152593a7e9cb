//! A value that another thread will hand over once: how an async write waits for the committer without tying this crate
//! to a runtime.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

struct Slot<T> {
    value: Option<T>,
    waker: Option<Waker>,
    is_closed: bool,
}

/// The side that hands over. Dropped without sending, it wakes the other side with nothing.
pub(crate) struct Sender<T>(Arc<Mutex<Slot<T>>>);

/// The side that waits: `Some` value, or `None` when the sender is gone.
pub(crate) struct Receiver<T>(Arc<Mutex<Slot<T>>>);

/// A sender and its receiver.
pub(crate) fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let slot = Arc::new(Mutex::new(Slot { value: None, waker: None, is_closed: false }));
    (Sender(Arc::clone(&slot)), Receiver(slot))
}

impl<T> Sender<T> {
    /// Hands the value over.
    pub(crate) fn send(self, value: T) {
        self.0.lock().value = Some(value);
        // Dropping `self` closes the slot and wakes the receiver.
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let waker = {
            let mut slot = self.0.lock();
            slot.is_closed = true;
            slot.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Future for Receiver<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut slot = self.0.lock();
        if slot.is_closed {
            return Poll::Ready(slot.value.take());
        }
        slot.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

/// Runs a future on this thread until it is done, sleeping while it waits. For tests and offline commands.
pub fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        std::thread::park();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_arrives_from_another_thread_and_a_lost_sender_is_noticed() {
        for round in 0..100_u32 {
            let (sender, receiver) = channel();
            let thread = std::thread::spawn(move || if round % 2 == 0 { sender.send(round) } else { drop(sender) });
            assert_eq!(block_on(receiver), (round % 2 == 0).then_some(round));
            thread.join().unwrap();
        }
    }
}
