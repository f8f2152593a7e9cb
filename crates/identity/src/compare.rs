//! Comparison: two packed registrations → one level of agreement per field. Symmetric, and free of chance.
//!
//! A level says *how* two values agree, not how much that weighs: weights are learned (`train`). The birth date and the sex
//! inside a document are not counted a second time beside it: where the documents decide, those fields are *implied*.

use crate::packed::Packed;
use crate::standardise::lunar;
use crate::standardise::name::{TOKENS_MAX, TokenMatch, WILD, compare_tokens};
use crate::standardise::{Date, DocumentKind, NameKind, Standing};

/// The compared fields, in the order of [`Levels`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Field {
    /// Document.
    Document = 0,
    /// Name.
    Name = 1,
    /// Birth date.
    Birth = 2,
    /// Sex.
    Sex = 3,
    /// Telephone.
    Phone = 4,
    /// Address.
    Address = 5,
}

/// Number of fields.
pub const FIELDS: usize = 6;
/// No field has more levels.
pub const LEVELS_MAX: usize = 11;

/// The level of every field; zero means that the field tells nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Levels(pub [u8; FIELDS]);

impl Levels {
    /// The level of one field.
    #[inline]
    #[must_use]
    pub fn of(&self, field: Field) -> u8 {
        self.0[field as usize]
    }
}

/// Levels of the document.
pub mod document {
    /// The same number.
    pub const SAME: u8 = 1;
    /// One slip of the keyboard apart, and at least one number is unchecked or fails its check.
    pub const SLIP: u8 = 2;
    /// Two checked numbers of the same region and birth date, or differing in two places: relatives, twins. Or two numbers that
    /// one counter issued side by side, under names that are not the same.
    pub const NEAR: u8 = 3;
    /// Two different checked numbers.
    pub const DIFFERENT: u8 = 4;
    /// Different, but at least one of them is unchecked.
    pub const DIFFERENT_UNCHECKED: u8 = 5;
    /// The same number, though the birth date inside does not fit one of the registrants; or the names and sexes are those of a
    /// brother and a sister.
    pub const SAME_DOUBTFUL: u8 = 6;
}

/// Levels of the name.
pub mod name {
    /// Every character is the same.
    pub const SAME: u8 = 1;
    /// It sounds the same, or only an unreadable glyph stands between.
    pub const SOUND: u8 = 2;
    /// The same characters in another order.
    pub const TURNED: u8 = 3;
    /// One character of the given name differs, one agrees.
    pub const ONE_GIVEN: u8 = 4;
    /// One is the beginning of the other, or lacks one character of it.
    pub const PART: u8 = 5;
    /// The given name agrees, the surname does not.
    pub const GIVEN: u8 = 6;
    /// Only the surname agrees.
    pub const SURNAME: u8 = 7;
    /// Nothing agrees.
    pub const DIFFERENT: u8 = 8;
    /// Two newborns of mothers of one name.
    pub const MOTHER_SAME: u8 = 9;
    /// Two newborns of mothers of different names.
    pub const MOTHER_DIFFERENT: u8 = 10;

    /// Could both names be one person's, before weighing: the same, the same sound, a slip, a part?
    #[must_use]
    pub fn is_compatible(level: u8) -> bool {
        matches!(level, SAME..=GIVEN | MOTHER_SAME)
    }

    /// May names that compare like this stand under one document without a question? Relatives share the surname, not the
    /// given name, so a shared given name under another surname is a slip.
    #[must_use]
    pub fn is_conflict(level: u8) -> bool {
        matches!(level, SURNAME | DIFFERENT)
    }
}

/// Levels of the birth date.
pub mod birth {
    /// The same day.
    pub const SAME: u8 = 1;
    /// One is the other's lunar date.
    pub const LUNAR: u8 = 2;
    /// One digit differs, two neighbours or month and day are turned.
    pub const SLIP: u8 = 3;
    /// The same year, and one says 1 January or no month.
    pub const YEAR_ONLY: u8 = 4;
    /// The same year.
    pub const SAME_YEAR: u8 = 5;
    /// The year is one off, or the day of the year agrees.
    pub const NEAR: u8 = 6;
    /// Nothing agrees.
    pub const DIFFERENT: u8 = 7;
    /// The same month, and one says no day.
    pub const MONTH: u8 = 8;
}

/// Levels of the sex.
pub mod sex {
    /// The same.
    pub const SAME: u8 = 1;
    /// Different.
    pub const DIFFERENT: u8 = 2;
}

/// Levels of the telephone.
pub mod phone {
    /// The same.
    pub const SAME: u8 = 1;
    /// One slip apart.
    pub const SLIP: u8 = 2;
    /// Different.
    pub const DIFFERENT: u8 = 3;
}

/// Levels of the address.
pub mod address {
    /// Road, house and flat agree.
    pub const FLAT: u8 = 1;
    /// Road and house agree; the flat is not said.
    pub const HOUSE: u8 = 2;
    /// The road or village agrees; the house is not said on a side.
    pub const ROAD: u8 = 3;
    /// Road and house agree, the flat does not.
    pub const OTHER_FLAT: u8 = 4;
    /// The road agrees, the house does not.
    pub const OTHER_HOUSE: u8 = 5;
    /// Another road of the same county, or only the county is said and agrees.
    pub const COUNTY: u8 = 6;
    /// Nothing agrees.
    pub const DIFFERENT: u8 = 7;
}

/// Compares two registrations.
#[inline]
#[must_use]
pub fn compare(left: &Packed, right: &Packed) -> Levels {
    let name = compare_names(left, right);
    let document = match compare_documents(left, right) {
        // The card belongs to one of two whose given names share a character and whose sexes differ: a brother and a sister.
        document::SAME if is_other_sex(left, right) && matches!(name, name::ONE_GIVEN | name::PART) => {
            document::SAME_DOUBTFUL
        }
        // The number and the whole name: a wrong birth date does not make it somebody else's card.
        document::SAME_DOUBTFUL if name == name::SAME && !is_other_sex(left, right) && !has_foreign(left, right) => {
            document::SAME
        }
        // Numbers issued side by side under one whole name: a slip as easily as a person's second passport.
        document::NEAR if name == name::SAME && left.body().is_none() => 0,
        level => level,
    };
    let birth_raw = match compare_births(left.birth, right.birth) {
        // Everybody whose day is not known was born on 1 January, unless a document says so for both.
        birth::SAME
            if left.birth.is_year_only() && !(left.is_birth_from_document() && right.is_birth_from_document()) =>
        {
            birth::YEAR_ONLY
        }
        level => level,
    };
    let birth = match document {
        document::SAME => 0,
        document::SAME_DOUBTFUL if left.is_birth_from_document() && right.is_birth_from_document() => 0,
        // The dates differ because the numbers do: one event, counted once.
        document::NEAR | document::DIFFERENT | document::DIFFERENT_UNCHECKED
            if birth_raw != birth::SAME && left.is_birth_from_document() && right.is_birth_from_document() =>
        {
            0
        }
        document::SLIP if left.is_birth_from_document() && right.is_birth_from_document() => 0,
        // The date came with somebody else's card.
        _ if birth_raw != birth::SAME && (is_birth_foreign(left) || is_birth_foreign(right)) => 0,
        _ => birth_raw,
    };
    let sex = compare_sexes(left, right, document, birth_raw);
    let phone = compare_phones(left.phone(), right.phone());
    Levels([document, name, birth, sex, phone, compare_addresses(left, right)])
}

fn is_other_sex(left: &Packed, right: &Packed) -> bool {
    left.sex() != 0 && right.sex() != 0 && left.sex() != right.sex()
}

fn has_foreign(left: &Packed, right: &Packed) -> bool {
    left.standing() == Standing::Foreign || right.standing() == Standing::Foreign
}

fn is_birth_foreign(one: &Packed) -> bool {
    one.standing() == Standing::Foreign && one.is_birth_from_document()
}

fn compare_sexes(left: &Packed, right: &Packed, document: u8, birth_raw: u8) -> u8 {
    let is_implied = document == document::SAME
        || is_birth_foreign(left)
        || is_birth_foreign(right)
        || (birth_raw == birth::DIFFERENT && (left.is_birth_from_document() || right.is_birth_from_document()));
    match (left.sex(), right.sex()) {
        (0, _) | (_, 0) => 0,
        _ if is_implied => 0,
        (one, other) if one == other => sex::SAME,
        _ => sex::DIFFERENT,
    }
}

fn compare_documents(left: &Packed, right: &Packed) -> u8 {
    if !left.has_own_document() || !right.has_own_document() {
        return 0;
    }
    let has = |standing: Standing| left.standing() == standing || right.standing() == standing;
    let is_doubtful = has(Standing::Doubtful) || has(Standing::Foreign);
    if left.document == right.document {
        // Two visits with the same borrowed card are alike; holder and borrower are told apart by their names.
        let is_certain = !is_doubtful || left.standing() == right.standing();
        return if is_certain { document::SAME } else { document::SAME_DOUBTFUL };
    }
    let (left_kind, right_kind) = (left.kind(), right.kind());
    let has_digits = |one: &Packed| one.body().is_some() || one.kind() == DocumentKind::ResidentDamaged;
    if has_digits(left) && has_digits(right) {
        let level = compare_residents(left, right);
        // A number that is probably somebody else's says nothing by being different.
        return if is_doubtful && level >= document::NEAR { 0 } else { level };
    }
    // Different types: one person may hold both.
    if left_kind != right_kind || is_doubtful {
        return 0;
    }
    // One after the other over the same counter: a family's as easily as a slip.
    if is_side_by_side(left.value(), right.value()) {
        return document::NEAR;
    }
    if is_one_edit(left.value(), right.value(), SERIAL_BASE) { document::SLIP } else { document::DIFFERENT_UNCHECKED }
}

/// Characters of a packed number without a scheme: nothing, ten digits, 26 letters.
const SERIAL_BASE: u64 = 37;

/// Are two packed numbers the same but for at most nine at the end, as those that one counter issues on one day?
fn is_side_by_side(left: u64, right: u64) -> bool {
    /// No packed number has more characters.
    const CHARACTERS_MAX: usize = 11;
    let distance = left.abs_diff(right);
    // 29 and 30 differ by one ten less nine: what a carry past all nines adds between two packed numbers.
    let mut carry = 10;
    for _ in 0..CHARACTERS_MAX {
        if (carry - 9..carry).contains(&distance) {
            return true;
        }
        carry = if carry == 10 { SERIAL_BASE } else { (carry - 9) * SERIAL_BASE };
    }
    false
}

/// The same scheme of 17 digits and a check is used for residents, for 港澳台居民 (81, 82, 83) and for foreigners (9).
fn are_of_one_people(left: DocumentKind, right: DocumentKind) -> bool {
    use DocumentKind as K;
    let people = |kind| match kind {
        K::HongKongMacaoTaiwanResidence => 1,
        K::PermanentResidence => 2,
        _ => 0,
    };
    people(left) == people(right)
}

fn compare_residents(left: &Packed, right: &Packed) -> u8 {
    use DocumentKind as K;
    let is_one_people = are_of_one_people(left.kind(), right.kind());
    if left.is_checked() && right.is_checked() {
        // Who settles may come to hold a number of another people.
        if !is_one_people {
            return 0;
        }
        let (a, b) = (left.value(), right.value());
        // The last three digits are the sequence within region and day.
        let is_same_day = a / 1000 == b / 1000;
        return if is_same_day || is_one_edit(a, b, 10) { document::NEAR } else { document::DIFFERENT };
    }
    // A slip may be in the digits that tell the people; what differs more may be another kind of number.
    let different = if is_one_people { document::DIFFERENT_UNCHECKED } else { 0 };
    if left.kind() == K::ResidentDamaged || right.kind() == K::ResidentDamaged {
        return if is_damaged_slip(left, right) { document::SLIP } else { different };
    }
    let (a, b) = (left.body(), right.body());
    if a == b {
        // Only the check differs, or one is the number's first generation.
        let is_upgrade = left.kind() == K::ResidentUpgraded || right.kind() == K::ResidentUpgraded;
        let is_invalid = left.kind() == K::ResidentInvalid || right.kind() == K::ResidentInvalid;
        return if is_upgrade && !is_invalid { document::SAME } else { document::SLIP };
    }
    let (Some(a), Some(b)) = (a, b) else { return 0 };
    let is_turned_into_check = is_check_turned(left, right) || is_check_turned(right, left);
    if is_one_edit(a, b, 10) || is_turned_into_check { document::SLIP } else { different }
}

/// The last digit and the check character were exchanged.
fn is_check_turned(invalid: &Packed, other: &Packed) -> bool {
    if invalid.kind() != DocumentKind::ResidentInvalid || !other.is_checked() {
        return false;
    }
    let (whole, right_body) = (invalid.value(), other.value());
    let (left_body, check) = (whole / 11, whole % 11);
    let right_check = crate::standardise::document::check_of(right_body);
    left_body / 10 == right_body / 10 && left_body % 10 == right_check && right_body % 10 == check
}

/// A number that lost or gained digits: is it a beginning-to-end match but for one digit?
fn is_damaged_slip(left: &Packed, right: &Packed) -> bool {
    let digits = |packed: &Packed, out: &mut [u8; 20]| -> usize {
        let (mut value, length) = if packed.kind() == DocumentKind::ResidentDamaged {
            let kept = packed.value() & ((1 << 57) - 1);
            (kept, ((packed.value() >> 57) as usize + 14).min(17))
        } else {
            (packed.body().unwrap_or(0), 17)
        };
        for slot in out[..length].iter_mut().rev() {
            *slot = (value % 10) as u8;
            value /= 10;
        }
        length
    };
    let (mut a, mut b) = ([0; 20], [0; 20]);
    let (a_length, b_length) = (digits(left, &mut a), digits(right, &mut b));
    let (a, b) = (&a[..a_length], &b[..b_length]);
    // Damage shifts what follows it: the common front and the common back must cover all but two digits.
    let front = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    // With 17 of 18 characters kept, either end may carry the check digit: allow a shift by one.
    let back_at = |shift: usize| {
        let a = &a[..a_length.saturating_sub(shift)];
        a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count()
    };
    let back_turned =
        b[..b_length.saturating_sub(1)].iter().rev().zip(a.iter().rev()).take_while(|(x, y)| x == y).count();
    let back = back_at(0).max(back_at(1)).max(back_turned);
    front + back + 2 >= a_length.max(b_length)
}

/// Do two numbers of one length differ in one digit, or in two turned neighbours?
#[inline]
fn is_one_edit(left: u64, right: u64, base: u64) -> bool {
    let (mut a, mut b) = (left, right);
    let (mut different, mut first, mut at) = (0, 0_u32, 0_u32);
    let mut pair = (0, 0);
    while a != b {
        let (x, y) = (a % base, b % base);
        if x != y {
            different += 1;
            match different {
                1 => (first, pair) = (at, (x, y)),
                2 if at == first + 1 && (x, y) == (pair.1, pair.0) => {}
                _ => return false,
            }
        }
        a /= base;
        b /= base;
        at += 1;
    }
    true
}

/// The level of the name alone.
pub(crate) fn compare_names(left: &Packed, right: &Packed) -> u8 {
    let (left_kind, right_kind) = (left.name_kind(), right.name_kind());
    match (left_kind, right_kind) {
        (NameKind::Missing | NameKind::Infant, _) | (_, NameKind::Missing | NameKind::Infant) => return 0,
        (NameKind::Newborn, NameKind::Newborn) if left.is_masked() || right.is_masked() => {
            return if compare_masked(left, right) == 0 { 0 } else { name::MOTHER_DIFFERENT };
        }
        (NameKind::Newborn, NameKind::Newborn) => {
            let is_same = left.whole == right.whole || shares_reading(left, right);
            return if is_same { name::MOTHER_SAME } else { name::MOTHER_DIFFERENT };
        }
        (NameKind::Newborn, _) | (_, NameKind::Newborn) => return 0,
        _ => {}
    }
    if left.is_masked() || right.is_masked() {
        return compare_masked(left, right);
    }
    if left.whole == right.whole {
        return name::SAME;
    }
    match (left_kind, right_kind) {
        (NameKind::Words, NameKind::Words) => return compare_words(left, right),
        (NameKind::Words, _) | (_, NameKind::Words) => return name::DIFFERENT,
        _ => {}
    }
    let is_long = left_kind == NameKind::Parts || right_kind == NameKind::Parts;
    if is_long {
        return compare_parts(left, right);
    }
    if shares_reading(left, right) {
        return name::SOUND;
    }
    compare_short(left, right)
}

/// A masked name says nothing but the surname: one that agrees is a family's, one that does not is another name.
fn compare_masked(left: &Packed, right: &Packed) -> u8 {
    let is_foreign = |one: &Packed| one.name_kind() == NameKind::Words;
    let is_surname = compare_tokens(left.tokens[0], right.tokens[0], true) != TokenMatch::Different;
    if is_surname && !is_foreign(left) && !is_foreign(right) { 0 } else { name::DIFFERENT }
}

#[inline]
fn shares_reading(left: &Packed, right: &Packed) -> bool {
    left.readings[0] != 0
        && (left.readings[0] == right.readings[0]
            || left.readings[1] == right.readings[0]
            || left.readings[0] == right.readings[1]
            || left.readings[1] == right.readings[1])
}

/// Foreign names: words lost at the end, cut short or written with a slip behind their front are a part of the whole. A family
/// shares one word; two of them are a person's, unless other words contradict.
fn compare_words(left: &Packed, right: &Packed) -> u8 {
    let words = |one: &Packed| one.name_length().min(TOKENS_MAX);
    let (left, right) = (&left.tokens[..words(left)], &right.tokens[..words(right)]);
    let (short, long) = if left.len() <= right.len() { (left, right) } else { (right, left) };
    match short.iter().filter(|word| long.contains(word)).count() {
        0 => name::DIFFERENT,
        alike if alike >= 2 && alike == short.len() => name::PART,
        _ => name::SURNAME,
    }
}

/// Is one of two names in parts the other's own name, without the father's behind it; or do they differ in one character of a long
/// father's name, whose spelling varies? The characters before the dot agree.
fn is_own_part(left: &Packed, right: &Packed, alike: usize) -> bool {
    /// Two characters with one that differs are another name.
    const LONG: usize = 3;
    let (left_own, right_own) = (left.own_length(), right.own_length());
    match (left_own, right_own) {
        (0, 0) => false,
        (own, 0) => own >= 2 && right.name_length() == own && alike >= own.min(TOKENS_MAX),
        (0, own) => own >= 2 && left.name_length() == own && alike >= own.min(TOKENS_MAX),
        (own, other) if own == other && alike >= own => {
            let length = left.name_length();
            let different = (own..length.min(TOKENS_MAX))
                .filter(|at| compare_tokens(left.tokens[*at], right.tokens[*at], false) == TokenMatch::Different);
            length == right.name_length() && length >= own + LONG && different.count() <= 1
        }
        _ => false,
    }
}

/// Do two long names of one length differ in one character? The spelling of foreign sounds varies.
fn is_one_different(left: &Packed, right: &Packed) -> bool {
    /// Shorter ones are no names in parts, or too short to be told apart by all the others.
    const LONG: usize = 5;
    let length = left.name_length();
    let is_different =
        |at: &usize| compare_tokens(left.tokens[*at], right.tokens[*at], *at == 0) == TokenMatch::Different;
    length == right.name_length() && length >= LONG && (0..length.min(TOKENS_MAX)).filter(is_different).count() == 1
}

fn compare_parts(left: &Packed, right: &Packed) -> u8 {
    if left.readings[0] == right.readings[0] {
        return name::SOUND;
    }
    let length = left.name_length().min(right.name_length()).min(TOKENS_MAX);
    let is_alike = |at: usize| compare_tokens(left.tokens[at], right.tokens[at], at == 0) != TokenMatch::Different;
    let alike = (0..length).take_while(|at| is_alike(*at)).count();
    if (length >= 3 && alike == length) || is_own_part(left, right, alike) {
        name::PART
    } else if is_one_different(left, right) {
        name::ONE_GIVEN
    } else if alike >= 2 {
        // The own name stands first: brothers share the father's, which stands behind.
        name::SURNAME
    } else {
        name::DIFFERENT
    }
}

/// Two names of at most four characters, or syllables.
fn compare_short(left: &Packed, right: &Packed) -> u8 {
    let (a_length, b_length) = (left.name_length().min(TOKENS_MAX), right.name_length().min(TOKENS_MAX));
    if a_length == 0 || b_length == 0 {
        return name::DIFFERENT;
    }
    let (a, b) = (&left.tokens[..a_length], &right.tokens[..b_length]);
    let first = compare_tokens(a[0], b[0], true);
    let is_surname = first != TokenMatch::Different;
    if a_length != b_length {
        return compare_lengths(a, b, is_surname);
    }
    let (mut alike, mut certain) = (0, 0);
    for at in 1..a_length {
        match compare_tokens(a[at], b[at], false) {
            TokenMatch::Different => {}
            TokenMatch::Wild => alike += 1,
            TokenMatch::Same | TokenMatch::Sound => (alike, certain) = (alike + 1, certain + 1),
        }
    }
    let given = a_length - 1;
    if is_surname && alike == given {
        // 王* and 王伟 agree in the surname only.
        return if certain > 0 || given == 0 { name::SOUND } else { 0 };
    }
    if is_turned(a, b) {
        return name::TURNED;
    }
    match (is_surname, alike) {
        (true, alike) if alike > 0 && alike + 1 == given && !shares_long_surname(a, b) => name::ONE_GIVEN,
        (true, _) => name::SURNAME,
        (false, alike) if alike == given && certain == given && given > 0 => name::GIVEN,
        _ => name::DIFFERENT,
    }
}

/// 欧阳强 and 欧阳磊 agree in the surname only.
fn shares_long_surname(a: &[u16], b: &[u16]) -> bool {
    a.len() == 3 && a[..2] == b[..2] && crate::reading::is_long_surname([a[0], a[1]])
}

fn compare_lengths(a: &[u16], b: &[u16], is_surname: bool) -> u8 {
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    if short.last() == Some(&WILD) && is_surname {
        return 0;
    }
    // 周斌 and 周晓斌: one character fell out. Of two characters only the surname and one other remain.
    let mut rest = long.iter();
    let is_within = short.iter().all(|token| rest.any(|other| other == token));
    let is_one_lost = is_within && long.len() - short.len() == 1 && short.len() >= 2;
    if is_one_lost || is_cut_at_lost_dot(short, long) {
        name::PART
    } else if is_surname {
        name::SURNAME
    } else {
        name::DIFFERENT
    }
}

/// 曲比 and 曲比阿支: four characters without a long surname are a name in parts whose dot was lost, and the other was cut there.
fn is_cut_at_lost_dot(short: &[u16], long: &[u16]) -> bool {
    short.len() >= 2
        && long.len() >= 4
        && long.starts_with(short)
        && !crate::reading::is_long_surname([long[0], long[1]])
}

fn is_turned(a: &[u16], b: &[u16]) -> bool {
    let (mut x, mut y) = ([0_u16; TOKENS_MAX], [0_u16; TOKENS_MAX]);
    x[..a.len()].copy_from_slice(a);
    y[..b.len()].copy_from_slice(b);
    x.sort_unstable();
    y.sort_unstable();
    x == y && !a.contains(&WILD)
}

/// Is one date the lunar form of the other?
#[must_use]
pub fn is_lunar_pair(left: Date, right: Date) -> bool {
    lunar::is_day_of(left, right) || lunar::is_day_of(right, left)
}

/// The level of the birth dates alone.
pub(crate) fn compare_births(left: Date, right: Date) -> u8 {
    if !left.is_some() || !right.is_some() {
        return 0;
    }
    if left == right {
        return match (left.is_whole(), left.is_year_only()) {
            (true, _) => birth::SAME,
            (false, true) => birth::YEAR_ONLY,
            (false, false) => birth::MONTH,
        };
    }
    let years = left.year().abs_diff(right.year());
    let same_month = left.month() == right.month();
    let same_day = left.day() == right.day();
    if years == 0 {
        if left.is_year_only() || right.is_year_only() {
            return birth::YEAR_ONLY;
        }
        if !left.is_whole() || !right.is_whole() {
            return if same_month { birth::MONTH } else { birth::SAME_YEAR };
        }
        let is_turned = left.month() == right.day() && left.day() == right.month();
        let one_part = same_month != same_day;
        let digits = |a: u32, b: u32| u32::from(a / 10 != b / 10) + u32::from(a % 10 != b % 10);
        let is_one_digit = one_part && digits(left.month(), right.month()) + digits(left.day(), right.day()) == 1;
        let turned_digits = |a: u32, b: u32| a / 10 == b % 10 && a % 10 == b / 10;
        let is_digits_turned = (same_month && turned_digits(left.day(), right.day()))
            || (same_day && turned_digits(left.month(), right.month()));
        if is_turned || is_one_digit || is_digits_turned {
            return birth::SLIP;
        }
        return if is_lunar_pair(left, right) { birth::LUNAR } else { birth::SAME_YEAR };
    }
    if same_month && same_day {
        return if is_one_edit(u64::from(left.year()), u64::from(right.year()), 10) {
            birth::SLIP
        } else {
            birth::NEAR
        };
    }
    if years == 1 {
        return if is_lunar_pair(left, right) { birth::LUNAR } else { birth::NEAR };
    }
    birth::DIFFERENT
}

fn compare_phones(left: u64, right: u64) -> u8 {
    if left == 0 || right == 0 {
        0
    } else if left == right {
        phone::SAME
    } else if is_one_edit(left, right, 10) {
        phone::SLIP
    } else {
        phone::DIFFERENT
    }
}

fn compare_addresses(left: &Packed, right: &Packed) -> u8 {
    let counties = match (left.county, right.county) {
        (0, _) | (_, 0) => None,
        // Codes and hashed names cannot be compared with each other.
        (one, other) if one >> 31 != other >> 31 => None,
        (one, other) => Some(one == other),
    };
    if left.road() == 0 || right.road() == 0 {
        return match counties {
            None => 0,
            Some(true) => address::COUNTY,
            Some(false) => address::DIFFERENT,
        };
    }
    if left.road() != right.road() || counties == Some(false) {
        return if counties == Some(true) { address::COUNTY } else { address::DIFFERENT };
    }
    if left.house == 0 || right.house == 0 {
        return address::ROAD;
    }
    if left.house != right.house {
        return address::OTHER_HOUSE;
    }
    match (left.flat, right.flat) {
        (0, _) | (_, 0) => address::HOUSE,
        (one, other) if one == other => address::FLAT,
        _ => address::OTHER_FLAT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_side_by_side_differ_by_nine_at_most() {
        let pack = |text: &str| crate::standardise::document::read(text, "03", &Default::default()).value;
        let is = |left, right| is_side_by_side(pack(left), pack(right));
        assert!(is("E12340567", "E12340568") && is("E12340568", "E12340567"));
        assert!(is("E12340569", "E12340570") && is("E12340599", "E12340603") && is("E12349995", "E12350004"));
        assert!(is("E19999995", "E20000004"));
        for (left, right) in [("E12340567", "E12340577"), ("E12340567", "E12340667"), ("E12340567", "F12340567")] {
            assert!(!is(left, right), "{left} {right}");
        }
        assert!(!is("E12340567", "E12340567") && !is("E12349995", "E12350005"));
    }
}
