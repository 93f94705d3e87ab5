//! The lane of a map in which every item is a task of its own: async work, and items with deadlines.

use super::map::TakenIn;
use crate::{
    completion::Inbox,
    future::{TaskFuture, core::Outcome, host, waiter::Report},
    sync::Arc,
};
use std::{
    collections::VecDeque,
    task::{Poll, Waker, ready},
    time::Instant,
};

type Submit<T, R> = Box<dyn FnMut(T) -> TaskFuture<R> + Send>;

pub(crate) struct Each<T, R> {
    submit: Submit<T, R>,
    /// What was pushed, from the first that was not yielded; `None` is what was yielded before its turn.
    window: VecDeque<Option<TaskFuture<R>>>,
    /// The number of the first of them.
    first: usize,
    /// Where they report, and the numbers that have, if the order does not matter. In order, only the first is waited
    /// for, so the others need not tell anybody.
    unordered: Option<(Arc<Inbox>, VecDeque<usize>)>,
    detached: bool,
}

impl<T, R: Send + 'static> Each<T, R> {
    pub(super) fn new(submit: Submit<T, R>) -> Self {
        Self {
            submit,
            window: VecDeque::new(),
            first: 0,
            unordered: None,
            detached: false,
        }
    }

    /// Takes in `most` more items.
    pub(super) fn take_in(&mut self, items: &mut impl Iterator<Item = T>, most: usize) -> TakenIn {
        for _ in 0..most {
            match items.next() {
                Some(item) => self.push(item),
                None => return TakenIn::UntilEnd,
            }
        }
        TakenIn::All
    }

    /// How many items were taken in so far.
    pub(super) fn taken_in(&self) -> usize {
        self.first + self.window.len()
    }

    fn push(&mut self, item: T) {
        let number = self.taken_in();
        let future = (self.submit)(item);
        if let Some((inbox, _)) = &self.unordered {
            report(&future, inbox, number);
        }
        self.window.push_back(Some(future));
    }

    /// Each item is a task that is counted, and can be started, by itself.
    #[allow(clippy::unused_self)]
    pub(super) fn pulling(&mut self, _: usize) {}

    #[allow(clippy::unused_self)]
    pub(super) fn pulled(&mut self) -> u64 {
        0
    }

    pub(super) fn try_next(&mut self) -> Option<Outcome<R>> {
        if !self.is_ready() {
            return None;
        }
        let number = match &mut self.unordered {
            Some((_, ended)) => ended.pop_front()?,
            None => self.first,
        };
        let future = self.window[number - self.first].take();
        while self.window.front().is_some_and(Option::is_none) {
            self.window.pop_front();
            self.first += 1;
        }
        future.map(TaskFuture::result)
    }

    pub(super) fn is_ready(&mut self) -> bool {
        match &mut self.unordered {
            Some((inbox, ended)) => {
                while let Some(number) = inbox.try_next() {
                    ended.push_back(number);
                }
                !ended.is_empty()
            }
            None => matches!(self.window.front(), Some(Some(future)) if future.look()),
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
            if let Some((inbox, ended)) = &mut self.unordered {
                ended.push_back(inbox.wait_next(until)?);
                continue;
            }
            let first = self.window.front()?.as_ref()?;
            let glance = || first.is_handed_over();
            if host::block_on(until, glance, |waker| first.poll_ended(waker)).is_none() {
                first.stop_reporting();
                return None;
            }
        }
    }

    pub(super) fn poll_next(&mut self, waker: &Waker) -> Poll<Outcome<R>> {
        loop {
            if let Some(outcome) = self.try_next() {
                return Poll::Ready(outcome);
            }
            match (&mut self.unordered, self.window.front()) {
                (Some((inbox, ended)), _) => ended.push_back(ready!(inbox.poll_next(waker))),
                (None, Some(Some(first))) => ready!(first.poll_ended(waker)),
                (None, _) => return Poll::Pending,
            }
        }
    }

    pub(super) fn set_unordered(&mut self) {
        if self.unordered.is_some() {
            return;
        }
        let inbox = Arc::default();
        for (place, future) in self.window.iter().enumerate() {
            if let Some(future) = future {
                report(future, &inbox, self.first + place);
            }
        }
        self.unordered = Some((inbox, VecDeque::new()));
    }

    pub(super) fn detach(&mut self) {
        self.detached = true;
    }
}

fn report<R: Send + 'static>(future: &TaskFuture<R>, inbox: &Arc<Inbox>, number: usize) {
    if !future.report_to(inbox.clone(), number) {
        inbox.ended(number);
    }
}

impl<T, R> Each<T, R> {
    pub(super) fn cancel(&mut self) {
        if !self.detached {
            // From the end: what waits for a place in flight goes before what would make one.
            for future in self.window.iter().rev().flatten() {
                future.cancel_unasked();
            }
        }
    }
}
