//! The lane of a map in which every item is a task of its own: async work, and items with deadlines.

use crate::{
    completion::Inbox,
    future::{TaskFuture, core::Outcome, waiter::Report},
    sync::Arc,
};
use std::{
    collections::VecDeque,
    task::{Poll, Waker},
    time::Instant,
};

type Submit<T, R> = Box<dyn FnMut(T) -> TaskFuture<R> + Send>;

pub(crate) struct Each<T, R> {
    submit: Submit<T, R>,
    inbox: Arc<Inbox>,
    /// What was pushed, from the first that was not yielded.
    window: VecDeque<Member<R>>,
    /// The number of the first of them.
    first: usize,
    /// The numbers that have reported, if the order does not matter.
    unordered: Option<VecDeque<usize>>,
    detached: bool,
}

struct Member<R> {
    /// `None` once it was yielded.
    future: Option<TaskFuture<R>>,
    reported: bool,
}

impl<T, R: Send + 'static> Each<T, R> {
    pub(super) fn new(submit: Submit<T, R>) -> Self {
        Self {
            submit,
            inbox: Arc::default(),
            window: VecDeque::new(),
            first: 0,
            unordered: None,
            detached: false,
        }
    }

    pub(super) fn push(&mut self, item: T) {
        let number = self.first + self.window.len();
        let future = (self.submit)(item);
        if !future.report_to(self.inbox.clone(), number) {
            self.inbox.ended(number);
        }
        self.window.push_back(Member {
            future: Some(future),
            reported: false,
        });
    }

    /// Each item is a task that is counted, and can be started, by itself.
    #[allow(clippy::unused_self)]
    pub(super) fn pulling(&mut self, _: usize) {}

    #[allow(clippy::unused_self)]
    pub(super) fn pulled(&mut self) {}

    #[allow(clippy::unused_self)]
    pub(super) fn is_full(&self) -> bool {
        false
    }

    pub(super) fn try_next(&mut self) -> Option<Outcome<R>> {
        if !self.is_ready() {
            return None;
        }
        let number = match &mut self.unordered {
            Some(ended) => ended.pop_front()?,
            None => self.first,
        };
        let future = self.window[number - self.first].future.take();
        while self.window.front().is_some_and(|member| member.future.is_none()) {
            self.window.pop_front();
            self.first += 1;
        }
        future.map(TaskFuture::result)
    }

    pub(super) fn is_ready(&mut self) -> bool {
        while let Some(number) = self.inbox.try_next() {
            self.reported(number);
        }
        match &self.unordered {
            Some(ended) => !ended.is_empty(),
            None => self.window.front().is_some_and(|member| member.reported),
        }
    }

    pub(super) fn look(&mut self) -> Option<Outcome<R>> {
        self.try_next()
    }

    pub(super) fn wait_next(&mut self, until: Option<Instant>) -> Option<Outcome<R>> {
        loop {
            if let Some(outcome) = self.try_next() {
                return Some(outcome);
            }
            let number = self.inbox.wait_next(until)?;
            self.reported(number);
        }
    }

    pub(super) fn poll_next(&mut self, waker: &Waker) -> Poll<Outcome<R>> {
        loop {
            if let Some(outcome) = self.try_next() {
                return Poll::Ready(outcome);
            }
            match self.inbox.poll_next(waker) {
                Poll::Ready(number) => self.reported(number),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    pub(super) fn set_unordered(&mut self) {
        let reported = |(place, member): (usize, &Member<R>)| {
            (member.reported && member.future.is_some()).then_some(self.first + place)
        };
        self.unordered = Some(self.window.iter().enumerate().filter_map(reported).collect());
    }

    pub(super) fn detach(&mut self) {
        self.detached = true;
    }

    fn reported(&mut self, number: usize) {
        self.window[number - self.first].reported = true;
        if let Some(ended) = &mut self.unordered {
            ended.push_back(number);
        }
    }
}

impl<T, R> Each<T, R> {
    pub(super) fn cancel(&mut self) {
        if !self.detached {
            // From the end: what waits for a place in flight goes before what would make one.
            for future in self
                .window
                .iter()
                .rev()
                .filter_map(|member| member.future.as_ref())
            {
                future.cancel_unasked();
            }
        }
    }
}
