"""Hand-shaped resources with the cases that real bundles rarely hold: partial dates, open periods, codings without system, accents and
Chinese names, escaped characters, references by identifier, by URL, by version, components, timings, labels, several values.

Small vocabularies on purpose: queries drawn from one resource then also meet others. ID numbers begin with 99: nobody is real.
"""

from world import Number

S, LOINC, UCUM, LOCAL_CODES = "http://snomed.info/sct", "http://loinc.org", "http://unitsofmeasure.org", "urn:oid:2.16.156.10011.2.99"
FAMILIES = ["Müller", "Muller", "MULLER", "O'Neil", "de la Cruz", "王", "王海", "欧阳", "Åström", "Łódź", "Smith, Jr", "a|b", "x$y"]
GIVENS = ["José", "Jose", "Zoë", "小明", "晓丽", "Anna-Lena", "Anna", "back\\slash", "É"]
CITIES = ["济南市", "青岛市", "San José", "Springfield", "springfield"]
WORDS = ["stable", "Stable angina", "résumé", "高血压", "lot-1", "LOT-10", "5% glucose", "a,b", "tail \\"]
DAYS = ["1940-06-01", "1941-03", "1986-05-04", "1990", "1990-05", "1990-05-12", "2000-02-29", "2012-12-31", "2019", "2020-01", "2020-01-01", "2020-01-02"]
MOMENTS = ["2020-01-01T00:00:00+08:00", "2019-12-31T16:00:00Z", "2019-12-31T23:59:59.999+08:00", "2020-01-01T10:30:00Z", "1988-07-01T12:00:00+09:00",
           "1988-07-01T12:00:00+08:00", "2021-06-30T08:15:00.120Z", "2021-06-30T08:15:00-05:00"]
NUMBERS = ["5.4", "5.40", "5.35", "5.45", "5", "5.0", "100", "99.5", "100.5", "0", "-3.2", "0.000001", "123456789.123456789", "7.2"]
UNITS = [("mmol/L", UCUM, "mmol/L"), ("mg", UCUM, "mg"), ("milligram", UCUM, "mg"), ("mmHg", UCUM, "mm[Hg]"), ("片", None, None), ("%", UCUM, "%")]
CODES = [(S, "38341003", "Hypertensive disorder"), (S, "44054006", "Diabetes"), (LOINC, "8480-6", "Systolic"), (LOINC, "8462-4", "Diastolic"),
         (LOINC, "85354-9", "Blood pressure"), (LOCAL_CODES, "A|1", "bar"), (None, "A1", "no system"), (LOCAL_CODES, "A1", "with system")]

RELATED = {"Condition", "Observation", "Procedure", "Encounter", "DiagnosticReport"}


class Maker:
    """Makes a resource of a type under an id; `ids` says which ids of a type may be referred to."""

    def __init__(self, rng, ids, base):
        self.rng, self.ids, self.base = rng, ids, base

    # ------------------------------------------------------------ pieces

    def one(self, items):
        return self.rng.choice(items)

    def chance(self, share=0.6):
        return self.rng.random() < share

    def moment(self):
        return self.one(MOMENTS)

    def date_time(self):
        return self.one(MOMENTS) if self.chance(0.5) else self.one(DAYS)

    def period(self):
        start, end = sorted((self.rng.randint(1985, 2022), self.rng.randint(1985, 2022)))
        shapes = [{"start": f"{start}-03-01", "end": f"{end}-03-01"}, {"start": f"{start}"}, {"end": f"{end}-11"},
                  {"start": f"{start}-03-01T08:00:00+08:00", "end": f"{end}-03-01T09:30:00+08:00"}]
        return self.one(shapes)

    def timing(self):
        return self.one([{"event": [self.moment()]}, {"event": ["2020-01-01", "2020-01-05"]}, {"repeat": {"boundsPeriod": self.period()}},
                         {"event": [self.moment()], "repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}])

    def coding(self, codes=None):
        system, code, display = self.one(codes or CODES)
        return {k: v for k, v in (("system", system), ("code", code), ("display", display)) if v}

    def concept(self, codes=None):
        return {"coding": [self.coding(codes) for _ in range(self.one((1, 1, 2)))], "text": self.one(WORDS).strip()}

    def codes(self, *names, system=LOCAL_CODES):
        return {"coding": [{"system": system, "code": self.one(names)}]}

    def identifier(self, hint):
        found = {"system": self.one(["urn:oid:2.16.156.10011.1.3", "http://hospital.example/mrn"]), "value": f"99{hint}{self.rng.randint(0, 9)}"}
        if self.chance(0.2):
            del found["system"]
        if self.chance(0.5):
            found["type"] = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": self.one(["MR", "NI", "PPN"])}]}
        return found

    def quantity(self):
        unit, system, code = self.one(UNITS)
        found = {"value": Number(self.one(NUMBERS)), "unit": unit, "system": system, "code": code}
        return {k: v for k, v in found.items() if v is not None}

    def age(self):
        return {"value": Number(self.one(["30", "30.5", "45", "7"])), "unit": "a", "system": UCUM, "code": self.one(["a", "mo"])}

    def reference(self, *types):
        """Mostly a plain local reference; sometimes absolute, versioned, by identifier, or to another server."""
        types = [t for t in types if self.ids.get(t)]
        if not types:
            return {"display": "nobody"}
        type_name = self.one(types)
        local = f"{type_name}/{self.one(self.ids[type_name])}"
        roll = self.rng.random()
        if roll < 0.04:
            return {"reference": f"http://other.example/fhir/{local}"}
        if roll < 0.12:
            found = {"identifier": self.identifier("7"), "display": "by identifier"}
            return found if roll < 0.08 else found | {"reference": local}
        return {"reference": local}

    def telecom(self):
        return [{"system": "phone", "value": self.one(["555-0100", "13800000000"]), "use": "home"},
                {"system": "email", "value": self.one(["a@example.com", "b@example.com"])}][:self.one((1, 2))]

    def name(self):
        found = {"use": "official", "family": self.one(FAMILIES), "given": [self.one(GIVENS) for _ in range(self.one((1, 2)))]}
        if self.chance(0.3):
            found["text"] = found["family"] + " " + found["given"][0]
        return found

    def address(self):
        return {"use": self.one(["home", "work"]), "line": ["解放路 1 号"], "city": self.one(CITIES), "district": "历下区", "state": self.one(["山东省", "MA"]),
                "postalCode": self.one(["250000", "02138"]), "country": self.one(["CN", "US"])}

    def person(self):
        found = {"name": [self.name() for _ in range(self.one((1, 1, 2)))], "gender": self.one(["male", "female", "unknown"])}
        return self.fill(found, {"telecom": self.telecom, "address": lambda: [self.address()], "identifier": lambda: [self.identifier("1")],
                                 "birthDate": lambda: self.one(DAYS)}, 0.85)

    def fill(self, found, optional, share=0.6):
        for name, make in optional.items():
            if self.chance(share):
                found[name] = make()
        return found

    def care_giver(self):
        return self.reference("Practitioner", "Practitioner", "PractitionerRole", "Organization")

    def subject(self):
        return self.reference("Patient")

    def about(self, *types):
        return self.reference(*(types or sorted(RELATED)))

    # ------------------------------------------------------------ resources

    def make(self, type_name, identity):
        """A resource of this type: random within its vocabulary, always valid R4."""
        found = {"resourceType": type_name, "id": identity}
        meta = self.fill({}, {"tag": lambda: [self.coding()], "security": lambda: [{"system": LOCAL_CODES, "code": self.one(["s1", "s2"])}],
                              "profile": lambda: [f"http://example.org/profile/{self.one('ab')}"], "source": lambda: f"urn:source:{self.one('ab')}"}, 0.2)
        if meta:
            found["meta"] = meta
        body = getattr(self, "_" + type_name)()
        found.update({k: v for k, v in body.items() if v is not None})
        return found

    def _Patient(self):
        found = self.person() | {"active": self.chance(0.8)}
        if self.chance(0.4):
            found.update(self.one([{"deceasedBoolean": True}, {"deceasedBoolean": False}, {"deceasedDateTime": self.date_time()}]))
        return self.fill(found, {"generalPractitioner": lambda: [self.care_giver()], "managingOrganization": lambda: self.reference("Organization"),
                                 "communication": lambda: [{"language": self.codes("zh", "en", system="urn:ietf:bcp:47")}],
                                 "link": lambda: [{"other": self.subject(), "type": "seealso"}]}, 0.5)

    def _Person(self):
        found = self.fill(self.person(), {"managingOrganization": lambda: self.reference("Organization")})
        links = [{"target": {"reference": f"Patient/{i}"}} for i in self.rng.sample(self.ids["Patient"], 2)]
        return found | {"link": links + ([{"target": self.reference("Practitioner")}] if self.chance(0.3) else [])}

    def _Practitioner(self):
        return self.fill(self.person() | {"active": self.chance(0.8)}, {"communication": lambda: [self.codes("zh", "en", system="urn:ietf:bcp:47")]})

    def _Organization(self):
        return self.fill({"name": self.one(["第一医院", "第一人民医院", "St Vincent", "ST VINCENT EAST"]), "active": self.chance(0.9)}, {
            "alias": lambda: [self.one(WORDS).strip()], "type": lambda: [self.codes("prov", "dept")], "address": lambda: [self.address()],
            "identifier": lambda: [self.identifier("2")], "partOf": lambda: self.reference("Organization")})

    def _PractitionerRole(self):
        return self.fill({}, {"practitioner": lambda: self.reference("Practitioner"), "organization": lambda: self.reference("Organization"),
                              "code": lambda: [self.concept()], "specialty": lambda: [self.concept()], "location": lambda: [self.reference("Location")],
                              "period": self.period, "active": self.chance, "telecom": self.telecom, "identifier": lambda: [self.identifier("3")]}, 0.75)

    def _Location(self):
        return self.fill({"name": self.one(["门诊楼", "门诊", "Ward 1", "ward 10"]), "status": self.one(["active", "inactive"])}, {
            "alias": lambda: [self.one(WORDS).strip()], "type": lambda: [self.concept()], "address": self.address, "partOf": lambda: self.reference("Location"),
            "managingOrganization": lambda: self.reference("Organization"), "operationalStatus": lambda: self.coding(),
            "identifier": lambda: [self.identifier("4")]})

    def _Encounter(self):
        return self.fill({"status": self.one(["finished", "in-progress"]), "class": {"system": LOCAL_CODES, "code": self.one(["AMB", "IMP"])},
                          "subject": self.subject()}, {
            "type": lambda: [self.concept()], "period": self.period, "reasonCode": lambda: [self.concept()], "reasonReference": lambda: [self.reference("Condition")],
            "participant": lambda: [{"type": [self.codes("ATND", "PPRF")], "individual": self.reference("Practitioner", "PractitionerRole")}],
            "location": lambda: [{"location": self.reference("Location"), "period": self.period()}], "length": self.quantity,
            "serviceProvider": lambda: self.reference("Organization"), "partOf": lambda: self.reference("Encounter"),
            "diagnosis": lambda: [{"condition": self.reference("Condition", "Procedure")}], "identifier": lambda: [self.identifier("5")],
            "basedOn": lambda: [self.reference("ServiceRequest")], "hospitalization": lambda: {"specialArrangement": [self.codes("wheel", "dog")]}})

    def _Condition(self):
        found = self.fill({"subject": self.subject(), "code": self.concept()}, {
            "clinicalStatus": lambda: self.codes("active", "resolved"), "verificationStatus": lambda: self.codes("confirmed", "refuted"),
            "category": lambda: [self.codes("problem-list-item", "encounter-diagnosis")], "severity": self.concept, "bodySite": lambda: [self.concept()],
            "encounter": lambda: self.reference("Encounter"), "recordedDate": self.date_time, "asserter": lambda: self.reference("Practitioner", "Patient"),
            "evidence": lambda: [{"code": [self.concept()], "detail": [self.about()]}], "stage": lambda: [{"summary": self.concept()}],
            "identifier": lambda: [self.identifier("6")]})
        found.update(self.one([{"onsetDateTime": self.date_time()}, {"onsetPeriod": self.period()}, {"onsetAge": self.age()}, {"onsetString": self.one(WORDS)}, {}]))
        found.update(self.one([{"abatementDateTime": self.date_time()}, {"abatementPeriod": self.period()}, {"abatementAge": self.age()},
                               {"abatementString": self.one(WORDS)}, {}]))
        return found

    def value(self, choices=("Quantity", "CodeableConcept", "String", "DateTime", "Period")):
        make = {"Quantity": self.quantity, "CodeableConcept": self.concept, "String": lambda: self.one(WORDS), "DateTime": self.date_time, "Period": self.period}
        choice = self.one(choices)
        return {"value" + choice: make[choice]()}

    def component(self):
        found = {"code": self.concept()} | self.value(("Quantity", "Quantity", "CodeableConcept", "String"))
        return self.fill(found, {"dataAbsentReason": lambda: self.codes("unknown", "masked")}, 0.2)

    def _Observation(self):
        found = self.fill({"status": self.one(["final", "amended", "preliminary"]), "code": self.concept(), "subject": self.subject()}, {
            "category": lambda: [self.codes("laboratory", "vital-signs")], "encounter": lambda: self.reference("Encounter"),
            "performer": lambda: [self.care_giver() for _ in range(self.one((1, 2)))], "component": lambda: [self.component() for _ in range(self.one((1, 2, 3)))],
            "identifier": lambda: [self.identifier("8")], "method": self.concept, "device": lambda: self.reference("Device"),
            "hasMember": lambda: [self.reference("Observation")], "derivedFrom": lambda: [self.reference("Observation", "ImagingStudy", "DocumentReference")],
            "focus": lambda: [self.about()], "basedOn": lambda: [self.reference("ServiceRequest", "CarePlan", "MedicationRequest")],
            "partOf": lambda: [self.reference("Procedure", "Immunization")], "dataAbsentReason": lambda: self.codes("unknown", "masked")}, 0.5)
        found.update(self.value() if self.chance(0.85) else {})
        found.update(self.one([{"effectiveDateTime": self.date_time()}, {"effectiveDateTime": self.moment()}, {"effectivePeriod": self.period()},
                               {"effectiveInstant": self.moment()}, {"effectiveTiming": self.timing()}, {}]))
        return found

    def _DiagnosticReport(self):
        found = self.fill({"status": self.one(["final", "partial"]), "code": self.concept(), "subject": self.subject()}, {
            "category": lambda: [self.concept()], "issued": self.moment, "performer": lambda: [self.care_giver()], "encounter": lambda: self.reference("Encounter"),
            "resultsInterpreter": lambda: [self.care_giver()], "result": lambda: [self.reference("Observation") for _ in range(self.one((1, 2)))],
            "conclusionCode": lambda: [self.concept()], "identifier": lambda: [self.identifier("9")], "basedOn": lambda: [self.reference("ServiceRequest")]})
        found.update(self.one([{"effectiveDateTime": self.date_time()}, {"effectivePeriod": self.period()}, {}]))
        return found

    def _Procedure(self):
        found = self.fill({"status": self.one(["completed", "in-progress"]), "subject": self.subject()}, {
            "code": self.concept, "category": self.concept, "encounter": lambda: self.reference("Encounter"), "location": lambda: self.reference("Location"),
            "performer": lambda: [{"actor": self.care_giver()}], "reasonCode": lambda: [self.concept()],
            "reasonReference": lambda: [self.about("Condition", "Observation", "Procedure", "DiagnosticReport")], "partOf": lambda: [self.reference("Procedure", "Observation")], "basedOn": lambda: [self.reference("CarePlan", "ServiceRequest")],
            "identifier": lambda: [self.identifier("1")], "instantiatesUri": lambda: [f"http://example.org/u/{self.one('ab')}"],
            "instantiatesCanonical": lambda: [f"http://example.org/plan/{self.one('ab')}"]})
        found.update(self.one([{"performedDateTime": self.date_time()}, {"performedPeriod": self.period()}, {"performedString": "once"}]))
        return found

    def medication_choice(self):
        return {"medicationReference": self.reference("Medication")} if self.chance(0.5) else {"medicationCodeableConcept": self.concept()}

    def _MedicationRequest(self):
        return self.fill({"status": self.one(["active", "stopped"]), "intent": self.one(["order", "plan"]), "subject": self.subject()} | self.medication_choice(), {
            "authoredOn": self.date_time, "category": lambda: [self.concept()], "priority": lambda: self.one(["routine", "stat"]),
            "encounter": lambda: self.reference("Encounter"), "requester": self.care_giver, "performer": self.care_giver, "performerType": self.concept,
            "dispenseRequest": lambda: {"performer": self.reference("Organization")}, "identifier": lambda: [self.identifier("2")],
            "dosageInstruction": lambda: [{"timing": {"event": [self.date_time(), self.moment()]}}]})

    def _Medication(self):
        return self.fill({}, {"code": self.concept, "status": lambda: self.one(["active", "inactive"]), "form": self.concept, "manufacturer": lambda: self.reference("Organization"),
                              "identifier": lambda: [self.identifier("3")], "batch": lambda: {"lotNumber": self.one(["L1", "L2"]), "expirationDate": self.date_time()},
                              "ingredient": lambda: [{"itemReference": self.reference("Medication")}, {"itemCodeableConcept": self.concept()}]})

    def _MedicationAdministration(self):
        found = self.fill({"status": self.one(["completed", "not-done"]), "subject": self.subject()} | self.medication_choice(), {
            "context": lambda: self.reference("Encounter"), "performer": lambda: [{"actor": self.reference("Practitioner", "Patient")}], "device": lambda: [self.reference("Device")],
            "reasonCode": lambda: [self.concept()], "statusReason": lambda: [self.concept()], "request": lambda: self.reference("MedicationRequest"),
            "identifier": lambda: [self.identifier("4")]})
        return found | self.one([{"effectiveDateTime": self.date_time()}, {"effectivePeriod": self.period()}])

    def _Immunization(self):
        return self.fill({"status": self.one(["completed", "not-done"]), "vaccineCode": self.concept(), "patient": self.subject()}, {
            "location": lambda: self.reference("Location"), "lotNumber": lambda: self.one(WORDS), "manufacturer": lambda: self.reference("Organization"),
            "performer": lambda: [{"actor": self.care_giver()}], "reasonCode": lambda: [self.concept()], "statusReason": self.concept,
            "reasonReference": lambda: [self.reference("Condition")], "identifier": lambda: [self.identifier("5")],
            "reaction": lambda: [{"date": self.date_time(), "detail": self.reference("Observation")}],
            "protocolApplied": lambda: [{"series": self.one(WORDS), "targetDisease": [self.concept()], "doseNumberPositiveInt": 1}]}) | self.one(
            [{"occurrenceDateTime": self.date_time()}, {"occurrenceString": "last spring"}])

    def _AllergyIntolerance(self):
        return self.fill({"patient": self.subject()}, {
            "clinicalStatus": lambda: self.codes("active", "inactive"), "verificationStatus": lambda: self.codes("confirmed", "refuted"),
            "type": lambda: self.one(["allergy", "intolerance"]), "category": lambda: self.rng.sample(["food", "medication", "biologic"], self.one((1, 2))),
            "criticality": lambda: self.one(["low", "high"]), "code": self.concept, "recordedDate": self.date_time, "lastOccurrence": self.date_time,
            "recorder": lambda: self.reference("Practitioner"), "asserter": lambda: self.reference("Practitioner", "Patient"), "identifier": lambda: [self.identifier("6")],
            "reaction": lambda: [{"substance": self.concept(), "manifestation": [self.concept()], "onset": self.date_time(), "severity": self.one(["mild", "severe"]),
                                  "exposureRoute": self.concept()}]})

    def _CarePlan(self):
        def detail():
            found = {"status": "in-progress", "code": self.concept(), "performer": [self.care_giver()]}
            return found | self.one([{"scheduledTiming": self.timing()}, {"scheduledPeriod": self.period()}, {"scheduledString": "daily"}])
        return self.fill({"status": self.one(["active", "completed"]), "intent": self.one(["plan", "order"]), "subject": self.subject()}, {
            "category": lambda: [self.concept()], "period": self.period, "encounter": lambda: self.reference("Encounter"), "careTeam": lambda: [self.reference("CareTeam")],
            "addresses": lambda: [self.reference("Condition")], "activity": lambda: [self.one([{"detail": detail()}, {"reference": self.reference("Task", "ServiceRequest")}])],
            "basedOn": lambda: [self.reference("CarePlan")], "replaces": lambda: [self.reference("CarePlan")], "partOf": lambda: [self.reference("CarePlan")],
            "identifier": lambda: [self.identifier("7")], "instantiatesUri": lambda: [f"http://example.org/u/{self.one('ab')}"],
            "instantiatesCanonical": lambda: [f"http://example.org/plan/{self.one('ab')}"]}, 0.5)

    def _CareTeam(self):
        return self.fill({"subject": self.subject()}, {"status": lambda: self.one(["active", "inactive"]), "category": lambda: [self.concept()], "period": self.period,
                                                       "encounter": lambda: self.reference("Encounter"), "identifier": lambda: [self.identifier("8")],
                                                       "participant": lambda: [{"member": self.care_giver()}, {"member": self.subject()}]})

    def _Claim(self):
        found = {"status": "active", "type": self.codes("institutional", "pharmacy"), "use": self.one(["claim", "preauthorization"]), "patient": self.subject(),
                 "created": self.date_time(), "provider": self.care_giver(), "priority": self.codes("normal", "stat"),
                 "insurance": [{"sequence": 1, "focal": True, "coverage": {"display": "none"}}]}
        return self.fill(found, {"facility": lambda: self.reference("Location"), "insurer": lambda: self.reference("Organization"), "enterer": lambda: self.reference("Practitioner"),
                                 "payee": lambda: {"type": self.codes("provider"), "party": self.reference("Practitioner", "Patient", "Organization")},
                                 "careTeam": lambda: [{"sequence": 1, "provider": self.care_giver()}], "identifier": lambda: [self.identifier("9")],
                                 "item": lambda: [{"sequence": 1, "productOrService": self.concept(), "encounter": [self.reference("Encounter")]}],
                                 "procedure": lambda: [{"sequence": 1, "procedureCodeableConcept": self.concept(), "udi": [self.reference("Device")]}]})

    def _ExplanationOfBenefit(self):
        found = {"status": "active", "type": self.codes("institutional"), "use": "claim", "patient": self.subject(), "created": self.date_time(), "provider": self.care_giver(),
                 "insurer": self.reference("Organization"), "outcome": "complete", "insurance": [{"focal": True, "coverage": {"display": "none"}}]}
        return self.fill(found, {"disposition": lambda: self.one(WORDS), "claim": lambda: self.reference("Claim"), "facility": lambda: self.reference("Location"),
                                 "enterer": lambda: self.reference("Practitioner"), "careTeam": lambda: [{"sequence": 1, "provider": self.care_giver()}],
                                 "item": lambda: [{"sequence": 1, "productOrService": self.concept(), "encounter": [self.reference("Encounter")]}],
                                 "payee": lambda: {"party": self.reference("Practitioner", "Patient")}, "identifier": lambda: [self.identifier("1")]})

    def _DocumentReference(self):
        def attachment():
            found = {"contentType": self.one(["application/pdf", "text/plain"])}
            return self.fill(found, {"language": lambda: self.one(["zh-CN", "en"]), "url": lambda: f"http://files.example/{self.one('ab')}"})
        return self.fill({"status": self.one(["current", "superseded"]), "content": [{"attachment": attachment(), "format": self.coding()}], "subject": self.subject()}, {
            "masterIdentifier": lambda: self.identifier("2"), "identifier": lambda: [self.identifier("3")], "type": self.concept, "category": lambda: [self.concept()],
            "date": self.moment, "author": lambda: [self.care_giver()], "authenticator": self.care_giver, "custodian": lambda: self.reference("Organization"),
            "description": lambda: self.one(WORDS), "securityLabel": lambda: [self.codes("N", "R")], "relatesTo": lambda: [
                {"code": self.one(["replaces", "appends"]), "target": self.reference("DocumentReference")}],
            "context": lambda: {"encounter": [self.reference("Encounter")], "event": [self.concept()], "period": self.period(), "facilityType": self.concept(),
                                "practiceSetting": self.concept(), "related": [self.about()]}})

    def _ImagingStudy(self):
        def series():
            return self.fill({"uid": f"1.2.99.{self.rng.randint(1, 5)}", "modality": {"system": "http://dicom.nema.org/resources/ontology/DCM", "code": self.one(["CT", "DX"])},
                              "instance": [{"uid": f"1.2.99.9.{self.rng.randint(1, 9)}", "sopClass": {"system": "urn:ietf:rfc:3986", "code": "urn:oid:1.2.840.10008.5.1.4.1.1.2"}}]},
                             {"bodySite": self.coding, "performer": lambda: [{"actor": self.care_giver()}]})
        return self.fill({"status": "available", "subject": self.subject(), "series": [series() for _ in range(self.one((1, 2)))]}, {
            "started": self.date_time, "encounter": lambda: self.reference("Encounter"), "referrer": lambda: self.reference("Practitioner"),
            "interpreter": lambda: [self.reference("Practitioner", "PractitionerRole")], "reasonCode": lambda: [self.concept()],
            "basedOn": lambda: [self.reference("ServiceRequest", "CarePlan", "Task")], "identifier": lambda: [self.identifier("4")]})

    def _Device(self):
        return self.fill({"status": self.one(["active", "inactive"])}, {
            "patient": self.subject, "type": self.concept, "manufacturer": lambda: self.one(WORDS), "modelNumber": lambda: self.one(WORDS), "owner": lambda: self.reference("Organization"),
            "location": lambda: self.reference("Location"), "url": lambda: f"http://device.example/{self.one('ab')}", "identifier": lambda: [self.identifier("5")],
            "deviceName": lambda: [{"name": self.one(WORDS), "type": "model-name"}], "udiCarrier": lambda: [{"deviceIdentifier": "D1", "carrierHRF": "(01)D1"}]})

    def _SupplyDelivery(self):
        return self.fill({"status": self.one(["completed", "in-progress"])}, {"patient": self.subject, "supplier": self.care_giver, "identifier": lambda: [self.identifier("6")],
                                                                             "receiver": lambda: [self.reference("Practitioner")]})

    def _Provenance(self):
        return self.fill({"target": [self.about(), self.subject()], "recorded": self.moment(), "agent": [
            {"type": self.codes("author", "assembler"), "role": [self.codes("r1", "r2")], "who": self.care_giver()}]}, {
            "occurredDateTime": self.date_time, "location": lambda: self.reference("Location"),
            "entity": lambda: [{"role": "source", "what": self.about()}],
            "signature": lambda: [{"type": [self.coding()], "when": self.moment(), "who": self.care_giver()}]})

    def _Consent(self):
        return self.fill({"status": self.one(["active", "inactive"]), "scope": self.codes("patient-privacy", "research"), "category": [self.codes("c1", "c2")],
                          "policyRule": self.codes("OPTIN")}, {
            "patient": self.subject, "dateTime": self.date_time, "performer": lambda: [self.subject()], "organization": lambda: [self.reference("Organization")],
            "identifier": lambda: [self.identifier("7")], "sourceReference": lambda: self.reference("DocumentReference", "Consent"),
            "provision": lambda: {"period": self.period(), "action": [self.codes("access", "correct")], "purpose": [self.coding()], "securityLabel": [self.coding()],
                                  "actor": [{"role": self.codes("r1"), "reference": self.care_giver()}], "data": [{"meaning": "instance", "reference": self.about()}]}})

    def _AuditEvent(self):
        agent = self.fill({"requestor": True}, {"who": lambda: self.reference("Practitioner", "Patient"), "altId": lambda: self.one(["u1", "u2"]), "name": lambda: self.one(FAMILIES),
                                                "role": lambda: [self.concept()], "network": lambda: {"address": self.one(["10.0.0.1", "10.0.0.10"]), "type": "2"},
                                                "policy": lambda: [f"http://policy.example/{self.one('ab')}"]})
        return self.fill({"type": self.coding(), "recorded": self.moment(), "agent": [agent], "source": {"observer": self.care_giver(), "site": self.one(["s1", "s2"])}}, {
            "subtype": lambda: [self.coding()], "action": lambda: self.one("CRUD"), "outcome": lambda: self.one(["0", "4"]),
            "entity": lambda: [{"what": self.reference("Patient", "Observation"), "type": self.coding(), "role": self.coding(), "name": self.one(WORDS)}]})

    def _Task(self):
        return self.fill({"status": self.one(["requested", "completed"]), "intent": self.one(["order", "plan"])}, {
            "for": self.subject, "focus": self.about, "basedOn": lambda: [self.reference("ServiceRequest")], "code": self.concept, "businessStatus": self.concept,
            "encounter": lambda: self.reference("Encounter"), "executionPeriod": self.period, "authoredOn": self.date_time, "lastModified": self.date_time, "owner": self.care_giver,
            "requester": self.care_giver, "performerType": lambda: [self.concept()], "partOf": lambda: [self.reference("Task")], "priority": lambda: self.one(["routine", "urgent"]),
            "groupIdentifier": lambda: self.identifier("8"), "identifier": lambda: [self.identifier("9")]})

    def _ServiceRequest(self):
        found = self.fill({"status": self.one(["active", "completed"]), "intent": self.one(["order", "plan"]), "subject": self.subject()}, {
            "code": self.concept, "category": lambda: [self.concept()], "priority": lambda: self.one(["routine", "urgent"]), "encounter": lambda: self.reference("Encounter"),
            "authoredOn": self.date_time, "requester": self.care_giver, "performer": lambda: [self.care_giver()], "performerType": self.concept, "bodySite": lambda: [self.concept()],
            "basedOn": lambda: [self.reference("CarePlan", "ServiceRequest")], "replaces": lambda: [self.reference("ServiceRequest")], "requisition": lambda: self.identifier("1"),
            "identifier": lambda: [self.identifier("2")], "instantiatesUri": lambda: [f"http://example.org/u/{self.one('ab')}"],
            "instantiatesCanonical": lambda: [f"http://example.org/plan/{self.one('ab')}"]})
        found.update(self.one([{"occurrenceDateTime": self.date_time()}, {"occurrencePeriod": self.period()}, {"occurrenceTiming": self.timing()}, {}]))
        return found
