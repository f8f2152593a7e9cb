//! What is unusual about a registration: for the third file, which tells the reader of a wrong link where to look.

/// A set of kinds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kinds(u64);

macro_rules! kinds {
    ($($name:ident = $text:literal),+ $(,)?) => {
        /// One kind of difficulty.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the words of the file stand beside the names")]
        pub enum Kind { $($name),+ }

        const WORDS: &[&str] = &[$($text),+];
    };
}

kinds! {
    NewbornName = "newborn_name",
    MothersNumber = "mothers_number",
    GuardianNumber = "guardian_number",
    BorrowedNumber = "borrowed_number",
    LeakedBirth = "birth_of_borrowed_number",
    MissingDocument = "document_missing",
    PlaceholderDocument = "document_placeholder",
    DeskNumber = "number_of_a_clerk",
    DamagedNumber = "number_damaged",
    FifteenDigits = "fifteen_digits",
    NumberForm = "number_in_another_form",
    OtherDocument = "other_document",
    HouseholdBook = "household_book",
    FormerNumber = "former_number",
    FormerName = "former_name",
    WrongHint = "document_type_wrong",
    Homophone = "homophone",
    LookAlike = "look_alike",
    LostCharacter = "character_lost_or_swapped",
    Pinyin = "pinyin",
    UnknownGlyph = "unknown_glyph",
    RareLost = "rare_character_lost",
    Masked = "name_masked",
    OtherGiven = "other_given_name",
    Decoration = "decoration",
    DotForm = "dot_lost_or_cut",
    LatinForm = "latin_form",
    LunarBirth = "birth_lunar",
    PartialBirth = "birth_partial",
    WrongBirth = "birth_wrong",
    MissingBirth = "birth_missing",
    OddSex = "sex_wrong_or_missing",
    PlaceholderPhone = "phone_placeholder",
    DeskPhone = "phone_of_the_hospital",
    RelativesPhone = "phone_of_a_relative",
    FormerPhone = "phone_former",
    TypedPhone = "phone_typed_wrong",
    FormerAddress = "address_former",
    RelativesAddress = "address_of_a_relative",
    Storm = "phone_storm",
}

impl Kinds {
    /// Adds a kind.
    pub(crate) fn add(&mut self, kind: Kind) {
        self.0 |= 1 << kind as u64;
    }

    /// Adds all of another set.
    pub(crate) fn join(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether the kind is in the set.
    #[must_use]
    pub fn has(self, kind: Kind) -> bool {
        self.0 & (1 << kind as u64) != 0
    }

    /// The words of the kinds in the set.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        WORDS.iter().enumerate().filter(move |(bit, _)| self.0 & (1 << bit) != 0).map(|(_, word)| *word)
    }
}
