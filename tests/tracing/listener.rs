//! A subscriber that keeps what it hears.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, Once},
};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{Layer, layer::Context, prelude::*, registry::LookupSpan};

/// One event, with the spans that it was in.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    pub(crate) target: String,
    pub(crate) level: Level,
    pub(crate) fields: BTreeMap<String, String>,
    /// Innermost first, with their fields.
    pub(crate) spans: Vec<(String, BTreeMap<String, String>)>,
}

impl Heard {
    pub(crate) fn names(&self) -> Vec<&str> {
        self.spans.iter().map(|(name, _)| name.as_str()).collect()
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }
}

static HEARD: Mutex<Vec<Heard>> = Mutex::new(Vec::new());

static CLOSED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// How many spans of this work have been closed.
pub(crate) fn closed(work: &str) -> usize {
    CLOSED
        .lock()
        .unwrap()
        .iter()
        .filter(|closed| closed.ends_with(work))
        .count()
}

/// From now on, this test's program is listened to.
pub(crate) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing_subscriber::registry().with(Listener).init());
}

/// All events with this word in their message.
pub(crate) fn heard(word: &str) -> Vec<Heard> {
    let all = HEARD.lock().unwrap();
    let has_word = |event: &&Heard| {
        event
            .field("message")
            .is_some_and(|message| message.contains(word))
    };
    all.iter().filter(has_word).cloned().collect()
}

struct Listener;

#[derive(Default)]
struct Fields(BTreeMap<String, String>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().into(), format!("{value:?}"));
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Listener {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        context.span(id).unwrap().extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        values.record(span.extensions_mut().get_mut::<Fields>().unwrap());
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let span = context.span(&id).unwrap();
        let work = span
            .extensions()
            .get::<Fields>()
            .and_then(|fields| fields.0.get("work").cloned());
        CLOSED.lock().unwrap().extend(work);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let spans = context.event_scope(event).into_iter().flatten();
        let spans = spans.map(|span| {
            let fields = span
                .extensions()
                .get::<Fields>()
                .map_or_else(BTreeMap::new, |fields| fields.0.clone());
            (span.name().to_owned(), fields)
        });
        HEARD.lock().unwrap().push(Heard {
            target: event.metadata().target().to_owned(),
            level: *event.metadata().level(),
            fields: fields.0,
            spans: spans.collect(),
        });
    }
}
