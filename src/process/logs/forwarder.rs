//! The subscriber of a worker: sends every event to the parent.

use super::{LEVEL_BITS, Record, number_of};
use crate::{running::TaskSpan, sync::global::Mutex};
use std::{
    cell::RefCell,
    collections::HashMap,
    fmt::{self, Write as _},
    io::{PipeWriter, Write as _},
    os::fd::OwnedFd,
    sync::{
        OnceLock,
        atomic::{AtomicU8, AtomicU64, Ordering::Relaxed},
    },
};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
    subscriber::Interest,
};

/// The target of the spans that stand for tasks of the parent.
const TARGET: &str = "concurrent_futures::worker";

/// What the parent is interested in, as the last batch has said.
static LEVEL: AtomicU8 = AtomicU8::new(0);

/// Where records go, once the parent has said so.
static PIPE: OnceLock<PipeWriter> = OnceLock::new();

thread_local!(static ENTERED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) });

/// The events of this process go there.
pub(in crate::process) fn install(pipe: OwnedFd) {
    let _ = PIPE.set(PipeWriter::from(pipe));
}

/// The span of a batch that carries this word. With the first one the subscriber is installed, unless the program has one in its
/// workers.
pub(in crate::process) fn span_of(word: u64) -> TaskSpan {
    if word == 0 || PIPE.get().is_none() {
        return TaskSpan::NONE;
    }
    static INSTALLED: OnceLock<bool> = OnceLock::new();
    if !INSTALLED.get_or_init(|| tracing::subscriber::set_global_default(Forwarder::default()).is_ok()) {
        return TaskSpan::NONE;
    }
    LEVEL.store((word & ((1 << LEVEL_BITS) - 1)) as u8, Relaxed);
    TaskSpan::of(tracing::error_span!(target: TARGET, parent: None, "task", key = word >> LEVEL_BITS))
}

#[derive(Default)]
struct Forwarder {
    spans: Mutex<HashMap<u64, Known>>,
    last: AtomicU64,
}

/// A span that somebody holds.
struct Known {
    metadata: &'static Metadata<'static>,
    fields: String,
    parent: Option<u64>,
    /// The task that it stands for, or is in.
    key: u64,
    stands_for_task: bool,
    holders: usize,
}

fn current() -> Option<u64> {
    ENTERED
        .try_with(|entered| entered.borrow().last().copied())
        .ok()
        .flatten()
}

impl Forwarder {
    /// The names of a span and those around it, outermost first, and the task that they belong to.
    fn path(&self, of: Option<u64>) -> (String, u64) {
        let spans = self.spans.lock();
        let (mut parts, mut key, mut next) = (Vec::new(), 0, of);
        while let Some(span) = next.and_then(|id| spans.get(&id)) {
            key = span.key;
            if !span.stands_for_task {
                parts.push(if span.fields.is_empty() {
                    span.metadata.name().to_owned()
                } else {
                    format!("{}{{{}}}", span.metadata.name(), span.fields)
                });
            }
            next = span.parent;
        }
        parts.reverse();
        (parts.join(":"), key)
    }
}

impl Subscriber for Forwarder {
    /// What is of interest changes from batch to batch.
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        number_of(*metadata.level()) <= LEVEL.load(Relaxed)
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        let id = self.last.fetch_add(1, Relaxed) + 1;
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let parent = match attributes.parent() {
            Some(parent) => Some(parent.into_u64()),
            None if attributes.is_contextual() => current(),
            None => None,
        };
        let stands_for_task = attributes.metadata().target() == TARGET;
        let mut spans = self.spans.lock();
        let key = match fields.key {
            Some(key) if stands_for_task => key,
            _ => parent
                .and_then(|parent| spans.get(&parent))
                .map_or(0, |parent| parent.key),
        };
        if let Some(parent) = parent.and_then(|parent| spans.get_mut(&parent)) {
            parent.holders += 1;
        }
        spans.insert(
            id,
            Known {
                metadata: attributes.metadata(),
                fields: fields.others,
                parent,
                key,
                stands_for_task,
                holders: 1,
            },
        );
        span::Id::from_u64(id)
    }

    fn record(&self, span: &span::Id, values: &span::Record<'_>) {
        let mut fields = Fields::default();
        values.record(&mut fields);
        if let Some(span) = self.spans.lock().get_mut(&span.into_u64()) {
            if !span.fields.is_empty() && !fields.others.is_empty() {
                span.fields.push(' ');
            }
            span.fields.push_str(&fields.others);
        }
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let Some(pipe) = PIPE.get() else { return };
        let mut fields = Fields::default();
        event.record(&mut fields);
        let around = match event.parent() {
            Some(parent) => Some(parent.into_u64()),
            None if event.is_contextual() => current(),
            None => None,
        };
        let (spans, key) = self.path(around);
        let record = Record {
            key,
            pid: std::process::id(),
            level: number_of(*event.metadata().level()),
            target: event.metadata().target().to_owned(),
            spans,
            message: fields.message,
            fields: fields.others,
        };
        // Who cannot be told is gone, and this process will be soon.
        let _ = (&mut &*pipe).write_all(&record.to_bytes());
    }

    fn enter(&self, span: &span::Id) {
        let _ = ENTERED.try_with(|entered| entered.borrow_mut().push(span.into_u64()));
    }

    fn exit(&self, span: &span::Id) {
        let _ = ENTERED.try_with(|entered| {
            let mut entered = entered.borrow_mut();
            if let Some(at) = entered.iter().rposition(|id| *id == span.into_u64()) {
                entered.remove(at);
            }
        });
    }

    fn current_span(&self) -> tracing_core::span::Current {
        let spans = self.spans.lock();
        match current().and_then(|id| Some((id, spans.get(&id)?))) {
            Some((id, span)) => tracing_core::span::Current::new(span::Id::from_u64(id), span.metadata),
            None => tracing_core::span::Current::none(),
        }
    }

    fn clone_span(&self, id: &span::Id) -> span::Id {
        if let Some(span) = self.spans.lock().get_mut(&id.into_u64()) {
            span.holders += 1;
        }
        id.clone()
    }

    fn try_close(&self, id: span::Id) -> bool {
        let mut spans = self.spans.lock();
        let (mut next, mut is_first, mut closed) = (Some(id.into_u64()), true, false);
        // Who is closed lets go of its parent.
        while let Some(id) = next.take() {
            let Some(span) = spans.get_mut(&id) else { break };
            span.holders -= 1;
            if span.holders == 0 {
                next = span.parent;
                spans.remove(&id);
                closed |= is_first;
            }
            is_first = false;
        }
        closed
    }
}

/// The fields of an event or a span as text.
#[derive(Default)]
struct Fields {
    message: String,
    key: Option<u64>,
    others: String,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            let _ = write!(self.message, "{value:?}");
        } else {
            let gap = if self.others.is_empty() { "" } else { " " };
            let _ = write!(self.others, "{gap}{}={value:?}", field.name());
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "key" {
            self.key = Some(value);
        }
        self.record_debug(field, &value);
    }
}
