//! What goes wrong in rows: times in every form, words for nothing, slips of the hand.

use std::borrow::Cow;

use super::{Known, Tables};
use crate::day::{Day, Moment};
use crate::dirt::{Mark, full_width, scientific, wrong_digit};
use crate::forms::Row;
use crate::random::Random;

impl Tables<'_> {
    /// A time in one of the ways in which databases write it.
    pub(super) fn time(&self, at: Moment, random: &mut Random) -> Cow<'static, str> {
        if !self.soiler.happens("times-otherwise", random, &mut Vec::new()) {
            return Cow::Owned(at.digits());
        }
        let digits = at.digits();
        let (date, clock) = digits.split_at(8);
        let (hour, minute, second) = at.clock();
        Cow::Owned(match random.below(4) {
            0 => format!("{date}T{clock}"),
            1 => format!("{} {hour:02}:{minute:02}:{second:02}", at.day()),
            2 => format!("{date}{hour:02}:{minute:02}:{second:02}"),
            _ => {
                let (year, month, day) = at.day().parts();
                format!("{year}/{month}/{day} {hour}:{minute:02}")
            }
        })
    }

    /// Words that stand where there is nothing.
    pub(super) fn nothing_words(&self, row: &mut Row, columns: &[&str], random: &mut Random) {
        for column in columns {
            if self.soiler.happens("words-for-nothing", random, &mut Vec::new()) {
                let words: &[&str] = if column.ends_with("SJ") {
                    &["1900-01-01", "9999-12-31", "NULL"]
                } else {
                    &["NULL", "-", "无", "/"]
                };
                row.set(column, random.one(words).unwrap_or("").to_owned());
            }
        }
    }

    pub(super) fn soil_person(&self, row: &mut Row, known: &Known<'_>, random: &mut Random, marks: &mut Vec<Mark>) {
        if known.owner.identity != known.identity {
            self.soiler.note("mothers-number", marks);
        }
        let names = &self.world.data.city.names;
        if known.identity.len() == 18 && known.owner.index == known.person.index {
            if self.soiler.happens("identity-check-digit", random, marks) {
                row.set("ZJHM", wrong_digit(known.identity, random));
            } else if self.soiler.happens("identity-scientific", random, marks) {
                row.set("ZJHM", scientific(known.identity));
            } else if known.person.identity == known.identity {
                if self.soiler.happens("sex-contradicts", random, marks) {
                    row.set("XBDM", if known.owner.sex == 1 { "2" } else { "1" });
                } else if self.soiler.happens("birth-contradicts", random, marks) {
                    row.set("CSRQ", Day(known.owner.birth.0 - 366).digits());
                }
            }
        }
        if self.soiler.happens("full-width", random, marks) {
            row.set("LXDH", full_width(known.phone));
        }
        if known.name.ends_with(&names.rare_four_byte) {
            if self.soiler.happens("character-lost", random, marks) {
                row.set("HZXM", known.name.replace(&names.rare_four_byte, "?"));
            }
        } else if self.soiler.happens("trailing-tab", random, marks) {
            row.set("HZXM", format!("{}\t", known.name));
        }
        if self.soiler.happens("patient-missing", random, marks) {
            row.set("BRID", "").set("KH", "-");
        }
    }

    pub(super) fn soil_key(&self, row: &mut Row, column: &'static str, random: &mut Random, marks: &mut Vec<Mark>) {
        if self.soiler.happens("visit-number-missing", random, marks) {
            row.set(column, if random.chance(0.5) { "" } else { "NULL" });
        }
    }

    pub(super) fn soil_row(&self, row: &mut Row, column: &'static str, random: &mut Random, marks: &mut Vec<Mark>) {
        if self.soiler.happens("columns-shifted", random, marks) {
            let text = format!("{},见上", row.get(column));
            row.set(column, text);
        }
    }
}
