//! Steps of a round that are about maps.

use crate::{
    order::{Deed, Order, Value, carry_out, carry_out_async},
    program::Program,
    subject::Subject,
};
use concurrent_futures::{Executor, Map, TaskError};
use std::{cell::Cell, rc::Rc, time::Duration};

type Items = Box<dyn Iterator<Item = Order>>;

/// A map that has not come to its end.
pub(crate) struct OpenMap {
    map: Map<Items, Value>,
    first: u32,
    len: u32,
    pulled: Rc<Cell<u32>>,
    yielded: u32,
    is_ordered: bool,
    has_timeout: bool,
    is_given_up: bool,
}

impl<E: Subject> Program<'_, E> {
    pub(crate) fn begin_map(&mut self) {
        let is_async = self.random.one_in(4);
        let is_ordered = !self.random.one_in(3);
        let deadline = self.random.one_in(6);
        let retries = if self.random.one_in(5) {
            self.random.within(1, 2)
        } else {
            0
        };
        let first = u32::try_from(self.expected.len()).expect("not so many tasks");
        let len = self.random.within(0, 150);
        let mut items = Vec::new();
        for _ in 0..len {
            // Most items of most maps do nothing: that is where chunks grow.
            let deed = if self.random.one_in(8) {
                self.deed()
            } else {
                Deed::Return
            };
            let order = self.order(deed, is_async);
            let expected = self.of(order.number);
            expected.retries = retries;
            expected.has_deadline = deadline;
            items.push(order);
        }
        let pulled = Rc::new(Cell::new(0));
        let count = pulled.clone();
        let items: Items = Box::new(items.into_iter().inspect(move |_| count.set(count.get() + 1)));

        let mut options = Executor::options(&self.executor);
        if deadline {
            options = options.timeout(Duration::from_micros(self.random.within(100, 3_000).into()));
            self.weather.is_disturbed = true;
        }
        if self.random.one_in(3) {
            options = options.chunk_size(1 + self.random.below(20));
        }
        if self.random.one_in(3) {
            options = options.buffer_size(1 + self.random.below(40));
        }
        if self.random.one_in(5) {
            options = options.max_in_flight(1 + self.random.below(4));
        }
        let mut map = match (retries, is_async) {
            (0, false) => options.map(carry_out, items),
            (0, true) => options.map_async(carry_out_async, items),
            (_, false) => options.retries(retries).map(carry_out, items),
            (_, true) => options.retries(retries).map_async(carry_out_async, items),
        };
        if !is_ordered {
            map = map.unordered();
        }
        let has_timeout = self.random.one_in(8);
        if has_timeout {
            map = map.timeout(Duration::from_micros(self.random.within(1, 5_000).into()));
            (first..first + len).for_each(|number| self.of(number).may_be_stopped = true);
        }
        self.tally.add("maps", 1);
        self.maps.push(OpenMap {
            map,
            first,
            len,
            pulled,
            yielded: 0,
            is_ordered,
            has_timeout,
            is_given_up: false,
        });
    }

    /// Some outcomes more, or to one of its ends.
    pub(crate) fn go_on_with_map(&mut self) {
        if self.maps.is_empty() {
            return;
        }
        let mut open = self.maps.swap_remove(self.random.below(self.maps.len()));
        if self.random.one_in(3) {
            return self.end_map(open);
        }
        for _ in 0..self.random.within(1, 40) {
            if !self.next_of(&mut open) {
                return self.close(&open);
            }
        }
        if self.random.one_in(6) {
            open.map.cancel();
            self.give_up(&mut open);
        }
        self.maps.push(open);
    }

    pub(crate) fn end_map(&mut self, mut open: OpenMap) {
        match self.random.below(3) {
            0 => {
                self.give_up(&mut open);
                self.tally.add("maps dropped half-way", 1);
                let OpenMap { map, .. } = open;
                drop(map);
            }
            1 => {
                self.note_what_was_pulled(&open);
                self.tally.add("maps detached half-way", 1);
                open.map.detach();
            }
            _ => {
                while self.next_of(&mut open) {}
                self.close(&open);
            }
        }
    }

    /// Takes one outcome; false at the end.
    fn next_of(&mut self, open: &mut OpenMap) -> bool {
        let Some(outcome) = open.map.next() else {
            return false;
        };
        if matches!(outcome, Err(TaskError::WaitTimedOut)) {
            assert!(open.has_timeout, "a map without a timeout timed out");
            self.tally.error(&TaskError::WaitTimedOut);
            self.give_up(open);
            return true;
        }
        let number = match &outcome {
            _ if open.is_ordered => Some(open.first + open.yielded),
            Ok((number, _)) => Some(*number),
            // Nobody says which item it was.
            Err(_) => None,
        };
        open.yielded += 1;
        assert!(open.yielded <= open.pulled.get(), "more outcomes than items");
        match number {
            Some(number) => self.see(number, &outcome),
            None => self.tally.add("outcomes of unordered maps that name no item", 1),
        }
        true
    }

    fn close(&mut self, open: &OpenMap) {
        let is_whole = !open.is_given_up && self.weather.strictest.is_none();
        assert!(
            !is_whole || open.yielded == open.len,
            "a map of {} yielded {}",
            open.len,
            open.yielded
        );
        assert!(
            open.has_timeout || open.is_given_up || open.yielded == open.pulled.get(),
            "{} pulled, {} yielded",
            open.pulled.get(),
            open.yielded
        );
        self.note_what_was_pulled(open);
    }

    fn give_up(&mut self, open: &mut OpenMap) {
        open.is_given_up = true;
        (open.first..open.first + open.len).for_each(|number| self.of(number).may_be_stopped = true);
        self.note_what_was_pulled(open);
    }

    /// From now on it pulls nothing more.
    fn note_what_was_pulled(&mut self, open: &OpenMap) {
        for number in open.first + open.pulled.get()..open.first + open.len {
            self.of(number).is_kept = true;
        }
    }
}
