use std::task::Context;

/// Keeps a stream that always has something ready from keeping its runtime to itself.
#[derive(Debug, Default)]
pub(crate) struct Turn(u32);

impl Turn {
    /// So many items in a row: tokio's number.
    const LENGTH: u32 = 128;

    /// Called before each item. True if others are to have their turn first: then the task is woken again.
    pub(crate) fn is_over(&mut self, cx: &Context<'_>) -> bool {
        self.0 += 1;
        let over = self.0 > Self::LENGTH;
        if over {
            self.0 = 0;
            cx.waker().wake_by_ref();
        }
        over
    }

    /// The stream has nothing ready: others have their turn now.
    pub(crate) fn ends(&mut self) {
        self.0 = 0;
    }
}
