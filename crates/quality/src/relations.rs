//! Elements of one record against each other: what is missing, what cannot come before what, what must add up.

use model::Element;

use crate::check::Checked;
use crate::compile::{Order, Target, issue};
use crate::person::is_male;
use crate::value::{folded, number};
use crate::when::When;

/// The element that front pages use for every line of fees; the dataset's name tells the lines apart.
const FEE_ELEMENT: &str = "DE07.00.010.00";

impl<'a> Checked<'a> {
    /// Checks everything that concerns more than one element.
    pub(crate) fn relations(&mut self) {
        self.required();
        self.conditionals();
        for order in &self.rules.orders {
            self.order(order);
        }
        self.past();
        self.compares();
        self.ages();
        self.stays();
        self.sums();
        self.sex_and_diagnosis();
    }

    fn required(&mut self) {
        let (rules, context) = (self.rules, self.context);
        for rule in &rules.required {
            if !any_fits(&rule.records, context.record_type) || any_fits(&rule.except, context.record_type) {
                continue;
            }
            let there = rule.any.iter().any(|target| match target {
                Target::Place(place) => self.first(*place).is_some(),
                Target::Element(id) => {
                    let holds = |element: &Element| element.id == *id && !rules.is_nothing(&folded(&element.value));
                    self.elements.iter().any(holds)
                }
            });
            if !there {
                let missing = issue("quality.required.missing", rule.severity, context.path).at(context.line, 0);
                self.issues.push(missing.expected(&rule.expected).hint(&rule.hint));
            }
        }
    }

    fn conditionals(&mut self) {
        let rules = self.rules;
        for rule in &rules.conditionals {
            if !rule.records.is_empty() && !any_fits(&rule.records, self.context.record_type) {
                continue;
            }
            let calls = |element: &&Element| {
                rule.values.is_empty() || rule.values.iter().any(|value| *value == folded(&element.value))
            };
            let Some(caller) = self.at(rule.when).find(calls) else { continue };
            if self.first(rule.then).is_none() {
                let expected = format!("填写{}", rules.places[rule.then]);
                self.find("quality.required.conditional", rule.severity, caller, expected, &rule.hint);
            }
        }
    }

    /// A time, unless it cannot be read or lies outside of all records, which is a finding of its own.
    fn when(element: &Element) -> Option<When> {
        When::read(&folded(&element.value)).ok().filter(When::is_of_records)
    }

    fn order(&mut self, order: &Order) {
        let firsts: Vec<(&Element, When)> =
            self.at(order.first).filter_map(|element| Some((element, Self::when(element)?))).collect();
        if firsts.is_empty() {
            return;
        }
        for place in &order.then {
            let thens: Vec<(&Element, When)> =
                self.at(*place).filter_map(|element| Some((element, Self::when(element)?))).collect();
            for (then, then_when) in thens {
                let earlier = firsts.iter().find(|(first, first_when)| {
                    may_be_compared(first, then, order.group)
                        && first_when.is_after(&then_when, order.tolerance_minutes)
                });
                if let Some((first, _)) = earlier {
                    let first_title = &self.rules.places[order.first];
                    let expected = format!("{}不早于{first_title} {}", self.rules.places[*place], first.value.trim());
                    self.find("quality.time.order", order.severity, then, expected, "核对两个时间");
                }
            }
        }
    }

    fn past(&mut self) {
        let Some(received_ms) = self.context.received_ms else { return };
        let now = When::from_ms(received_ms);
        let rules = self.rules;
        for rule in &rules.pasts {
            for place in &rule.places {
                let future: Vec<&Element> = self
                    .at(*place)
                    .filter(|element| {
                        Self::when(element).is_some_and(|when| when.is_after(&now, rule.tolerance_minutes))
                    })
                    .collect();
                for element in future {
                    let expected = format!("{}不晚于接收时间", rules.places[*place]);
                    self.find("quality.time.future", None, element, expected, "核对日期和发送端时钟");
                }
            }
        }
        let day_ms = 86_400_000;
        if self.context.effective_ms.is_some_and(|effective_ms| effective_ms > received_ms.saturating_add(day_ms)) {
            let future = issue("quality.time.future", None, self.context.path).at(self.context.line, 0);
            self.issues.push(future.expected("记录时间不晚于接收时间").hint("核对日期和发送端时钟"));
        }
    }

    fn compares(&mut self) {
        let rules = self.rules;
        for rule in &rules.compares {
            let values = |place| -> Vec<(&'a Element, f64)> {
                self.at(place).filter_map(|element| Some((element, number(&folded(&element.value))?))).collect()
            };
            let (lesser, greater) = (values(rule.less), values(rule.more));
            for (less, less_value) in lesser {
                let more =
                    greater.iter().find(|(more, _)| may_be_compared(less, more, rule.group) && less.unit == more.unit);
                let Some((more, more_value)) = more else { continue };
                let holds = less_value < *more_value || (rule.or_equal && less_value <= *more_value);
                if !holds {
                    let expected = format!("低于{} {}", rules.places[rule.more], more.value.trim());
                    self.find("quality.cross.compare", rule.severity, less, expected, &rule.hint);
                }
            }
        }
    }

    fn ages(&mut self) {
        let rules = self.rules;
        for rule in &rules.ages {
            let Some(birth) = self.first(rule.birth).and_then(Self::when) else { continue };
            let at = rule.at.iter().find_map(|place| self.first(*place).and_then(Self::when));
            let Some(at) = at.or_else(|| self.context.effective_ms.map(When::from_ms)) else { continue };
            let Some(element) = self.first(rule.years) else { continue };
            // Ages of small children also come in months or days, with that unit.
            if !matches!(element.unit.trim(), "" | "岁" | "a" | "Y" | "年") {
                continue;
            }
            let (Some(years), Some(said)) = (birth.years_until(&at), number(&folded(&element.value))) else { continue };
            #[expect(clippy::cast_precision_loss, reason = "years of a life")]
            let distance = (said.floor() - years as f64).abs();
            #[expect(clippy::cast_precision_loss, reason = "a few years")]
            let tolerance = rule.tolerance_years as f64;
            if distance > tolerance {
                self.find("quality.cross.age", None, element, format!("{years} 岁(按出生日期)"), &rule.hint);
            }
        }
    }

    fn stays(&mut self) {
        let rules = self.rules;
        for rule in &rules.stays {
            let read = |place| self.first(place).and_then(Self::when);
            let (Some(from), Some(to)) = (read(rule.from), read(rule.to)) else { continue };
            let Some(element) = self.first(rule.days) else { continue };
            let Some(said) = number(&folded(&element.value)) else { continue };
            let days = to.first_day - from.first_day;
            #[expect(clippy::cast_precision_loss, reason = "days of a life")]
            let (days_as_number, tolerance) = (days as f64, rule.tolerance_days as f64);
            if days >= 0 && (said - days_as_number).abs() > tolerance {
                self.find("quality.cross.stay", None, element, format!("{days} 天(按出入院日期)"), &rule.hint);
            }
        }
    }

    fn sums(&mut self) {
        let rules = self.rules;
        for rule in &rules.sums {
            let Some(total) = self.first(rule.total) else { continue };
            let Some(total_value) = number(&folded(&total.value)) else { continue };
            let (mut sum, mut parts) = (0.0, 0);
            for element in self.elements {
                let is_part = rule
                    .parts
                    .iter()
                    .any(|(id, name)| element.id == *id || (element.id == FEE_ELEMENT && element.name == *name));
                if let Some(value) = is_part.then(|| number(&folded(&element.value))).flatten() {
                    sum += value;
                    parts += 1;
                }
            }
            // Lines that were not sent may hold what is missing, so a sum that is too small says something only when all were.
            let too_much = sum > total_value + rule.tolerance;
            let too_little = parts == rule.parts.len() && sum < total_value - rule.tolerance;
            if parts > 0 && (too_much || too_little) {
                self.find("quality.sum.total", None, total, format!("分项合计 {sum:.2}"), &rule.hint);
            }
        }
    }

    fn sex_and_diagnosis(&mut self) {
        let rules = self.rules;
        let Some(male) = self.first(rules.known.sex).and_then(|sex| is_male(&folded(&sex.value))) else { return };
        for rule in &rules.sex_diagnoses {
            if is_male(&rule.sex) != Some(male) {
                continue;
            }
            let foreign: Vec<&Element> = self
                .at(rules.known.diagnosis_code)
                .filter(|code| {
                    let category = folded(&code.value);
                    let Some(category) = category.get(..3) else { return false };
                    let category = category.to_ascii_uppercase();
                    rule.ranges.iter().any(|(from, to)| *from <= category && category <= *to)
                })
                .collect();
            for code in foreign {
                let expected = format!("与{}性相符的诊断", if male { "男" } else { "女" });
                self.find("quality.cross.sex-diagnosis", None, code, expected, &rule.hint);
            }
        }
    }
}

/// Two elements belong together when they stand in the same repetition, or one of them in the head of the record.
fn may_be_compared(one: &Element, other: &Element, same_group: bool) -> bool {
    one.group == other.group || (!same_group && (one.group == 0 || other.group == 0))
}

/// Whether one of the patterns fits; `hl7v2:ADT*` stands for all that begin so.
fn any_fits(patterns: &[String], record_type: &str) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(start) => record_type.starts_with(start),
        None => record_type == pattern,
    })
}
