//! Clients whose end nobody waits for.

use std::ops::Deref;

/// A client that ends on a thread of its own when it is dropped. To wait for it has no limit: it takes minutes where a broker went
/// away, and at times it never comes (confluentinc/librdkafka, issues 3740, 4362 and 5476).
pub(super) struct Detached<C: Send + 'static>(Option<C>);

impl<C: Send> Detached<C> {
    pub(super) fn new(client: C) -> Self {
        Self(Some(client))
    }
}

impl<C: Send> Deref for Detached<C> {
    type Target = C;

    fn deref(&self) -> &C {
        self.0.as_ref().expect("there until it is dropped")
    }
}

impl<C: Send> Drop for Detached<C> {
    fn drop(&mut self) {
        let client = self.0.take();
        // Without a thread it ends here.
        let _ = std::thread::Builder::new().name("client-end".into()).spawn(move || drop(client));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Its end takes until it is told.
    struct Slow {
        told: Receiver<()>,
        ended: Sender<()>,
    }

    impl Drop for Slow {
        fn drop(&mut self) {
            self.told.recv().unwrap();
            self.ended.send(()).unwrap();
        }
    }

    #[test]
    fn its_end_is_not_waited_for_and_comes() {
        let ((tell, told), (ended, has_ended)) = (channel(), channel());
        drop(Detached::new(Slow { told, ended }));
        tell.send(()).unwrap();
        has_ended.recv().unwrap();
    }
}
