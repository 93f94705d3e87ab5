//! A worker is named some work and given some bytes: the task fails at worst.

use crate::{
    error::TaskError,
    remote::{EntryPlace, place_of, resolve},
    sys::fuzz::{Random, fuzz, memory::most_during},
    task::{
        Anywhere, AsyncEntryOf, Bound, Entry, EntryOf, Input, Load, Packed, Plain, Portable, Received,
        Routine, Verdict, failure,
        parcel::{push_item, split_item},
    },
    wire,
};
use futures::executor::block_on;
use std::{collections::BTreeMap, future::Future};

type Row = (u8, String, Option<Vec<i64>>);
type Table = BTreeMap<String, Vec<Row>>;

/// As in `wire::tests::fuzz`, once for the argument and once for the result.
const PER_BYTE: usize = 2 * 320;
const BESIDE: usize = 16 * 1024;

/// Work, and arguments of it.
struct Subject {
    entry: &'static Entry,
    messages: Vec<Vec<u8>>,
    /// Whether an answer is a value of the work.
    is_result: fn(&[u8]) -> bool,
}

fn messages<T: Portable>(arguments: &[T]) -> Vec<Vec<u8>> {
    let message = |argument| {
        let mut bytes = Vec::new();
        wire::encode(argument, &mut bytes).expect("it can be encoded");
        bytes
    };
    arguments.iter().map(message).collect()
}

fn is_a<R: Portable>(bytes: &[u8]) -> bool {
    wire::decode::<R>(bytes).is_ok()
}

fn call<F, T: Portable, R: Portable>(_: F, arguments: &[T]) -> Subject
where
    F: Fn(T) -> R + Send + Sync + 'static,
{
    Subject {
        entry: EntryOf::<Plain<F>, T, R, Anywhere>::CALL,
        messages: messages(arguments),
        is_result: is_a::<R>,
    }
}

fn async_call<F, T: Portable, Fut>(_: F, arguments: &[T]) -> Subject
where
    F: Fn(T) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: Portable> + Send + 'static,
{
    Subject {
        entry: AsyncEntryOf::<Plain<F>, T, Fut, Anywhere>::CALL,
        messages: messages(arguments),
        is_result: is_a::<Fut::Output>,
    }
}

fn with_context<F, C: Portable + Sync, T: Portable, R: Portable>(
    _: F,
    contexts: &[C],
    arguments: &[T],
) -> Subject
where
    F: Fn(&C, T) -> R + Send + Sync + 'static,
{
    Subject {
        entry: EntryOf::<Bound<F, C, Anywhere>, T, R, Anywhere>::CALL,
        messages: [messages(contexts), messages(arguments)].concat(),
        is_result: is_a::<R>,
    }
}

fn table() -> Table {
    let rows = vec![(1, "one".to_owned(), Some(vec![1, -1])), (2, String::new(), None)];
    BTreeMap::from([("a".to_owned(), rows), ("b".to_owned(), vec![])])
}

fn subjects() -> Vec<Subject> {
    let json = serde_json::json!({"a": [1, 2.5, {"b": null}]});
    vec![
        call(|n: u32| u64::from(n) * 2, &[0, 7, u32::MAX]),
        call(|table: Table| table, &[table()]),
        call(|value: serde_json::Value| value, &[json]),
        call(|bytes: Vec<u8>| bytes, &[vec![7; 50]]),
        async_call(
            |row: Row| async move { row.1 },
            &[(1, "one".to_owned(), Some(vec![1, -1]))],
        ),
        with_context(
            |table: &Table, n: usize| table.len() + n,
            &[table()],
            &[1_usize, 99],
        ),
    ]
}

fn run(entry: &Entry, input: Input<'_>) -> (Verdict, Vec<u8>) {
    let mut answer = Vec::new();
    match entry.routine {
        Routine::Call(run) => (run(input, &mut answer), answer),
        Routine::Async(start) => block_on(start(input)),
    }
}

#[test]
fn whatever_a_worker_is_sent_comes_to_a_value_or_a_failure_within_bounds() {
    let subjects = subjects();
    fuzz(|random| {
        let subject = random.pick(&subjects);
        let bytes = random.input(&subject.messages, 0x15);
        let context = (!random.one_in(3)).then(|| random.input(&subject.messages, 0x15));
        let length = bytes.len() + context.as_ref().map_or(0, Vec::len);
        let context = context.map(Received::new);
        let argument = if random.one_in(8) {
            Packed::Bare(bytes)
        } else {
            Packed::Encoded(bytes.into())
        };
        let context = context.as_ref();
        let ((verdict, answer), most) = most_during(|| run(subject.entry, Input { argument, context }));
        assert!(most <= PER_BYTE * length + BESIDE, "{most} bytes for {length}");
        match verdict {
            Verdict::Value => assert!((subject.is_result)(&answer)),
            Verdict::Failure => assert!(matches!(
                failure::read(&answer),
                TaskError::Decode(_) | TaskError::Encode(_)
            )),
            Verdict::Bare => unreachable!("no result is long"),
        }
    });
}

fn entry_place(random: &mut Random, places: &[EntryPlace]) -> EntryPlace {
    let mut place = *random.pick(places);
    match random.below(6) {
        0 => place.offset = random.number().cast_signed(),
        1 => place.offset = place.offset.wrapping_add(random.number().cast_signed()),
        2 => place.offset += (random.below(4096) * 8).cast_signed() - 16_384,
        3 => place.offset += random.below(64).cast_signed() - 32,
        4 => place.name ^= 1 << random.below(64),
        _ => place.name = random.pick(places).name,
    }
    place
}

#[test]
fn only_the_place_and_the_name_of_an_entry_lead_to_it() {
    let subjects = subjects();
    let places: Vec<_> = subjects
        .iter()
        .map(|subject| place_of(subject.entry).expect("it lies in the executable"))
        .collect();
    fuzz(|random| {
        let place = entry_place(random, &places);
        match resolve(place) {
            Ok(entry) => assert_eq!(place_of(entry).ok(), Some(place)),
            Err(error) => {
                assert!(matches!(error, TaskError::Decode(_)));
                assert!(!places.contains(&place));
            }
        }
    });
}

#[test]
fn items_are_split_within_what_is_there() {
    let mut batch = Vec::new();
    for item in [&b"one"[..], b"", b"a longer one"] {
        let pushed: Result<(), ()> = push_item(&mut batch, |bytes| {
            bytes.extend_from_slice(item);
            Ok(())
        });
        pushed.expect("there is room");
    }
    let batches = [batch];
    fuzz(|random| {
        let bytes = random.input(&batches, 4);
        let (mut rest, mut items) = (&bytes[..], 0);
        while let Some((item, behind)) = split_item(rest) {
            assert!(item.len() + behind.len() < rest.len());
            (rest, items) = (behind, items + 1);
        }
        // What a worker has sent back is cut by the parent, which wrote it; but nothing depends on that.
        let mut load = Load {
            first: 5,
            items: 9,
            bytes: bytes.clone(),
            bare: false,
        };
        let cut = u32::try_from(random.below(10)).expect("few");
        let behind = load.split_off(cut);
        assert_eq!(
            (load.items, behind.items, behind.first),
            (cut, 9 - cut, 5 + u64::from(cut))
        );
        assert_eq!([load.bytes, behind.bytes].concat(), bytes, "after {items} items");
        assert!(!matches!(failure::read(&bytes), TaskError::WorkerDied(_)));
    });
}
