//! Steps of a round that are about groups.

use crate::{
    order::{carry_out, carry_out_async},
    program::Program,
    subject::Subject,
};
use concurrent_futures::{Executor, TaskError};
use std::time::Duration;

impl<E: Subject> Program<'_, E> {
    pub(crate) fn group(&mut self) {
        self.tally.add("groups", 1);
        // A failing member stops futures, and one that cannot be stopped takes its worker along.
        self.weather.is_disturbed = true;
        let mut group = Executor::group(&self.executor);
        let keeps_going = self.random.one_in(2);
        if keeps_going {
            group = group.keep_going();
        }
        let has_deadline = self.random.one_in(4);
        if has_deadline {
            group = group.deadline(Duration::from_micros(self.random.within(1, 5_000).into()));
        }
        let first = u32::try_from(self.expected.len()).expect("not so many tasks");
        let members = self.random.within(0, 20);
        for _ in 0..members {
            let deed = self.deed();
            let is_async = self.random.one_in(3);
            let order = self.order(deed, is_async);
            let expected = self.of(order.number);
            expected.is_member = true;
            expected.may_be_stopped = has_deadline || !keeps_going;
            if is_async {
                group.submit_async(carry_out_async, order);
            } else {
                group.submit(carry_out, order);
            }
        }
        if self.random.one_in(6) {
            group.cancel();
            self.stop_all(first, members);
        }
        match self.random.below(4) {
            0 => {
                self.stop_all(first, members);
                drop(group);
                self.tally.add("groups dropped", 1);
            }
            1 => group.detach(),
            2 => match group.join() {
                Ok(values) => {
                    assert_eq!(values.len(), members as usize);
                    (first..)
                        .zip(values)
                        .for_each(|(number, value)| self.see(number, &Ok(value)));
                }
                Err(error) => {
                    let is_own_deadline = has_deadline && matches!(error, TaskError::TimedOut(_));
                    assert!(is_own_deadline || members > 0, "nobody failed: {error}");
                    self.tally.error(&error);
                }
            },
            _ => {
                let outcomes = group.join_all();
                assert_eq!(outcomes.len(), members as usize);
                (first..)
                    .zip(&outcomes)
                    .for_each(|(number, outcome)| self.see(number, outcome));
            }
        }
    }

    fn stop_all(&mut self, first: u32, members: u32) {
        (first..first + members).for_each(|number| self.of(number).may_be_stopped = true);
    }
}
