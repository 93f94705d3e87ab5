//! A colour for each kind of work.

use super::super::summary::Total;
use std::collections::HashMap;

/// Twelve colours that can be told apart on white and on black: "Paired" by Cynthia Brewer (<https://colorbrewer2.org>), without its
/// two yellows and with the darker ones first. The kinds that take most time have one each.
const COLOURS: [&str; 10] = [
    "#1f78b4", "#33a02c", "#ff7f00", "#6a3d9a", "#e31a1c", "#a6cee3", "#b2df8a", "#fdbf6f", "#cab2d6",
    "#fb9a99",
];

/// All others share this one.
const OTHERS: &str = "#8a8a8a";

pub(super) struct Palette<'a> {
    pub(super) kinds: Vec<(&'a str, Total)>,
    places: HashMap<&'a str, usize>,
}

impl<'a> Palette<'a> {
    pub(super) fn of(kinds: Vec<(&'a str, Total)>) -> Self {
        let places = kinds
            .iter()
            .enumerate()
            .map(|(place, (name, _))| (*name, place))
            .collect();
        Self { kinds, places }
    }

    pub(super) fn at(place: usize) -> &'static str {
        COLOURS.get(place).copied().unwrap_or(OTHERS)
    }

    /// How many kinds have a colour of their own.
    pub(super) fn distinct() -> usize {
        COLOURS.len()
    }

    pub(super) fn of_kind(&self, name: &str) -> &'static str {
        self.places.get(name).map_or(OTHERS, |place| Self::at(*place))
    }
}
