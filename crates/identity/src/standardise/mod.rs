//! Standardisation: one registration as sent → its comparable form. The original is never changed and is kept by the caller;
//! [`VERSION`] says by which rules the form was made, so that forms of different versions are never compared.

pub mod address;
pub mod date;
pub mod document;
pub mod lunar;
pub mod name;
pub mod phone;
pub mod regions;

pub use address::Address;
pub use date::Date;
pub use document::{Document, DocumentKind};
pub use name::{Name, NameKind};
pub use phone::Phone;
pub use regions::Regions;

/// The version of these rules. It changes whenever the same text would give another form.
pub const VERSION: u32 = 4;

/// One registration (登记) as a source sent it: the columns of `kangmai empi link`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Registration<'a> {
    /// The registration's own id.
    pub rec_id: &'a str,
    /// The institution or system that registered.
    pub source: &'a str,
    /// The institution's own number of the patient.
    pub mrn: &'a str,
    /// The document type that the clerk chose (CV02.01.101); a hint only.
    pub id_type: &'a str,
    /// The document number.
    pub id_no: &'a str,
    /// The name.
    pub name: &'a str,
    /// GB/T 2261.1: 1 male, 2 female; the words 男 女 M F are read too.
    pub sex: &'a str,
    /// The birth date.
    pub birth_date: &'a str,
    /// Telephone numbers.
    pub phone: &'a str,
    /// The address.
    pub address: &'a str,
    /// The day of the registration.
    pub reg_date: &'a str,
}

/// Whose document it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Standing {
    /// The registrant's own, as far as one can see.
    #[default]
    Own = 0,
    /// A parent's, on a child: born fourteen years and more before the child.
    Guardian = 1,
    /// The birth date inside it is not the stated one, and no usual slip explains the difference.
    Doubtful = 2,
    /// Another person's: others carry it under another name (found by [`crate::ownership`], never by one registration alone).
    Foreign = 3,
}

/// The comparable form of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standard {
    /// The document.
    pub document: Document,
    /// Whose document it is.
    pub standing: Standing,
    /// The name.
    pub name: Name,
    /// 1 male, 2 female, 0 unknown.
    pub sex: u8,
    /// The birth date: that of a checked own document, else the stated one.
    pub birth: Date,
    /// The birth date was stated as lunar.
    pub is_lunar: bool,
    /// The birth date is the one inside the document.
    pub is_birth_from_document: bool,
    /// The telephone.
    pub phone: Phone,
    /// The address.
    pub address: Address,
    /// The day of the registration.
    pub registered: Date,
}

/// Standardises one registration.
#[must_use]
pub fn standardise(sent: &Registration<'_>, regions: &Regions) -> Standard {
    let document = document::read(sent.id_no, sent.id_type.trim(), regions);
    let stated = date::read(sent.birth_date);
    let registered = date::read(sent.reg_date).date;
    let name = read_name(sent.name, if stated.date.is_some() { stated.date } else { document.birth }, registered);
    let standing = standing(&document, stated.date, registered, &name);
    let trusts_document =
        standing == Standing::Own && document.birth.is_some() && document.kind != DocumentKind::ResidentInvalid;
    let stated_birth = if is_from_age(stated.date, registered) { stated.date.year_alone() } else { stated.date };
    let birth = if trusts_document { document.birth } else { stated_birth };
    let stated_sex = sex(sent.sex);
    let told_sex = if stated_sex == 0 { name.sex } else { stated_sex };
    Standard {
        document,
        standing,
        name,
        sex: if told_sex == 0 && trusts_document { document.sex } else { told_sex },
        birth,
        is_lunar: stated.is_lunar && !trusts_document,
        is_birth_from_document: document.birth.is_some() && birth == document.birth,
        phone: phone::read(sent.phone),
        address: address::read(sent.address, regions),
        registered,
    }
}

/// A name that ends as a newborn's may end is one only so soon after the birth; without both dates the word decides.
fn read_name(text: &str, birth: Date, registered: Date) -> Name {
    let name = name::read(text);
    let are_known = birth.is_whole() && registered.is_whole();
    let is_grown = are_known && !name::is_newborn_age(birth, registered);
    if name.kind == NameKind::Newborn && is_grown && name::may_be_grown(text) { name::read_grown(text) } else { name }
}

/// A birthday on the day of the registration, years before it, is what a system reckons from an age that somebody said (按年龄推算):
/// the year is all that it tells. Of people without a document, twice as many have such a date as have that birthday.
fn is_from_age(stated: Date, registered: Date) -> bool {
    let is_same_day = (stated.month(), stated.day()) == (registered.month(), registered.day());
    stated.is_whole() && registered.is_whole() && is_same_day && stated.year() < registered.year()
}

fn sex(text: &str) -> u8 {
    let folded = crate::text::fold(text.trim());
    let is = |words: &[&str]| words.iter().any(|word| folded.eq_ignore_ascii_case(word));
    match () {
        () if is(&["1", "男", "男性", "M", "male"]) => 1,
        () if is(&["2", "女", "女性", "F", "female"]) => 2,
        () => 0,
    }
}

/// Nobody has a child before this age, for the purpose of guessing whose number stands on a child's registration.
const PARENT_YEARS: u32 = 14;
/// Up to this age a child is registered under a parent's number.
const CHILD_YEARS: u32 = 18;

fn standing(document: &Document, stated: Date, registered: Date, name: &Name) -> Standing {
    if !document.birth.is_some() {
        return Standing::Own;
    }
    let is_newborn = matches!(name.kind, NameKind::Newborn | NameKind::Infant);
    if !stated.is_some() {
        let age_at = registered.year().saturating_sub(document.birth.year());
        return if is_newborn && age_at >= PARENT_YEARS { Standing::Guardian } else { Standing::Own };
    }
    if stated == document.birth {
        return Standing::Own;
    }
    let is_child = registered.is_some() && registered.year().saturating_sub(stated.year()) <= CHILD_YEARS;
    let is_older = stated.year() >= document.birth.year() + PARENT_YEARS;
    if is_older && (is_child || is_newborn) {
        return Standing::Guardian;
    }
    if is_slip(stated, document.birth) { Standing::Own } else { Standing::Doubtful }
}

/// Could the two dates be one, typed with a usual slip: another digit, month and day turned, the year only, the lunar date?
#[must_use]
pub fn is_slip(left: Date, right: Date) -> bool {
    // A lunar date lies in the same year or, around the new year, in the one before.
    let years = left.year().abs_diff(right.year());
    let is_turned = left.month() == right.day() && left.day() == right.month();
    let same = u32::from(left.month() == right.month()) + u32::from(left.day() == right.day());
    years == 0 || (years <= 1 && crate::compare::is_lunar_pair(left, right)) || same == 2 || (is_turned && years <= 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn born(birth_date: &str, reg_date: &str, id_no: &str) -> Date {
        standardise(&Registration { birth_date, reg_date, id_no, ..Registration::default() }, &Regions::default()).birth
    }

    #[test]
    fn a_grown_person_may_bear_a_word_for_a_child() {
        let own = "11010519491231002X";
        let read = |name, birth_date, reg_date, id_no| {
            let sent = Registration { name, birth_date, reg_date, id_no, ..Registration::default() };
            let standard = standardise(&sent, &Regions::default());
            (standard.name.kind, standard.standing)
        };
        assert_eq!(read("张玉婴", "", "2020-05-06", own), (NameKind::Chinese, Standing::Own));
        assert_eq!(read("张玉婴", "1990-03-04", "2020-05-06", ""), (NameKind::Chinese, Standing::Own));
        assert_eq!(read("张玉婴", "2020-05-01", "2020-05-06", own), (NameKind::Newborn, Standing::Guardian));
        assert_eq!(read("张玉之婴", "2019-05-01", "2020-05-06", own), (NameKind::Newborn, Standing::Guardian));
    }

    #[test]
    fn the_sex_is_read_in_any_width_and_case() {
        assert_eq!(["１", "MALE", " 男", "m"].map(sex), [1; 4]);
        assert_eq!(["２", "Female", "FEMALE", "女性"].map(sex), [2; 4]);
        assert_eq!(["0", "9", "", "未知"].map(sex), [0; 4]);
    }

    #[test]
    fn of_a_birth_date_reckoned_from_an_age_the_year_counts() {
        assert_eq!(born("1978-03-05", "2023-03-05", ""), Date::new(1978, 0, 0));
        assert_eq!(born("1978-03-05", "2023-03-06", ""), Date::new(1978, 3, 5));
        assert_eq!(born("2023-03-05", "2023-03-05", ""), Date::new(2023, 3, 5), "a newborn");
        assert_eq!(born("1978-03", "2023-03-05", ""), Date::new(1978, 3, 0));
        let number = "11010519491231002X";
        let first_generation = "110105500101001";
        assert_eq!(
            born("1985-03-12", "2023-12-31", first_generation),
            Date::new(1985, 3, 12),
            "it is another's number"
        );
        assert_eq!(born("1950-01-10", "2023-12-31", first_generation), Date::new(1950, 1, 1), "a slip of the keyboard");
        assert_eq!(born("1949-12-31", "2023-12-31", number), Date::new(1949, 12, 31), "the number says the day");
    }
}
