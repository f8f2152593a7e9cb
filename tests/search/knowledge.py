"""What this oracle knows about R4 search: where each parameter of each type lives.

Written by hand from the R4 search pages, on purpose not shared with the product and not read from its definitions: two independent
tables that agree are evidence, one table read twice is not.

A line is `name type path`. The path language is tiny:
  a.b          navigation; arrays are flattened
  value[X]     the choice element valueX
  x(system=v)  only members whose `system` is v
  x->Patient   only references to that type
  p | q        both
Reference lines may end with `@ Type,Type`: the targets that an untyped chain fans out to (among the types stored here).
Left out because R4 itself leaves them to the server or defines them wrongly: phonetic, near, _text, _content, _query,
DocumentReference.relationship (its components are swapped in the definitions), ServiceRequest.order-detail.
"""

_COMMON = """
_id token id
_lastUpdated date meta.lastUpdated
_tag token meta.tag
_security token meta.security
_profile uri meta.profile
_source uri meta.source
"""

_SUBJECT = """
identifier token identifier
patient reference subject->Patient @ Patient
subject reference subject @ Patient,Device,Location,Practitioner
"""

_PEOPLE = """
address string address
address-city string address.city
address-country string address.country
address-postalcode string address.postalCode
address-state string address.state
address-use token address.use
email token telecom(system=email)
gender token gender
identifier token identifier
name string name
phone token telecom(system=phone)
telecom token telecom
"""

_TYPES = {
    "Patient": _PEOPLE + """
active token active
birthdate date birthDate
death-date date deceased[DateTime]
deceased token special:deceased
family string name.family
given string name.given
general-practitioner reference generalPractitioner @ Practitioner,Organization,PractitionerRole
language token communication.language
link reference link.other @ Patient
organization reference managingOrganization @ Organization
""",
    "Person": _PEOPLE + """
birthdate date birthDate
link reference link.target @ Patient,Practitioner,Person
organization reference managingOrganization @ Organization
patient reference link.target->Patient @ Patient
practitioner reference link.target->Practitioner @ Practitioner
""",
    "Practitioner": _PEOPLE + """
active token active
communication token communication
family string name.family
given string name.given
""",
    "Organization": """
active token active
address string address
address-city string address.city
address-country string address.country
address-postalcode string address.postalCode
address-state string address.state
address-use token address.use
identifier token identifier
name string name | alias
partof reference partOf @ Organization
type token type
""",
    "PractitionerRole": """
active token active
date date period
email token telecom(system=email)
identifier token identifier
location reference location @ Location
organization reference organization @ Organization
phone token telecom(system=phone)
practitioner reference practitioner @ Practitioner
role token code
specialty token specialty
telecom token telecom
""",
    "Location": """
address string address
address-city string address.city
address-country string address.country
address-postalcode string address.postalCode
address-state string address.state
address-use token address.use
identifier token identifier
name string name | alias
operational-status token operationalStatus
organization reference managingOrganization @ Organization
partof reference partOf @ Location
status token status
type token type
""",
    "Encounter": _SUBJECT + """
based-on reference basedOn @ ServiceRequest
class token class
date date period
diagnosis reference diagnosis.condition @ Condition,Procedure
length quantity length
location reference location.location @ Location
location-period date location.period
part-of reference partOf @ Encounter
participant reference participant.individual @ Practitioner,PractitionerRole
participant-type token participant.type
practitioner reference participant.individual->Practitioner @ Practitioner
reason-code token reasonCode
reason-reference reference reasonReference @ Condition,Procedure,Observation
service-provider reference serviceProvider @ Organization
special-arrangement token hospitalization.specialArrangement
status token status
type token type
""",
    "Condition": _SUBJECT + """
abatement-age quantity abatement[Age]
abatement-date date abatement[DateTime] | abatement[Period]
abatement-string string abatement[String]
asserter reference asserter @ Practitioner,PractitionerRole,Patient
body-site token bodySite
category token category
clinical-status token clinicalStatus
code token code
encounter reference encounter @ Encounter
evidence token evidence.code
evidence-detail reference evidence.detail @ *
onset-age quantity onset[Age]
onset-date date onset[DateTime] | onset[Period]
onset-info string onset[String]
recorded-date date recordedDate
severity token severity
stage token stage.summary
verification-status token verificationStatus
""",
    "Observation": _SUBJECT + """
based-on reference basedOn @ CarePlan,MedicationRequest,ServiceRequest
category token category
code token code
combo-code token code | component.code
combo-data-absent-reason token dataAbsentReason | component.dataAbsentReason
combo-value-concept token value[CodeableConcept] | component.value[CodeableConcept]
combo-value-quantity quantity value[Quantity] | component.value[Quantity]
component-code token component.code
component-data-absent-reason token component.dataAbsentReason
component-value-concept token component.value[CodeableConcept]
component-value-quantity quantity component.value[Quantity]
data-absent-reason token dataAbsentReason
date date effective[DateTime] | effective[Period] | effective[Instant] | effective[Timing]
derived-from reference derivedFrom @ DocumentReference,ImagingStudy,Observation
device reference device @ Device
encounter reference encounter @ Encounter
focus reference focus @ *
has-member reference hasMember @ Observation
method token method
part-of reference partOf @ MedicationAdministration,Procedure,Immunization,ImagingStudy
performer reference performer @ Practitioner,PractitionerRole,Organization,CareTeam,Patient
status token status
value-concept token value[CodeableConcept]
value-date date value[DateTime] | value[Period]
value-quantity quantity value[Quantity]
value-string string value[String] | value[CodeableConcept].text
""",
    "DiagnosticReport": _SUBJECT + """
based-on reference basedOn @ CarePlan,MedicationRequest,ServiceRequest
category token category
code token code
conclusion token conclusionCode
date date effective[DateTime] | effective[Period]
encounter reference encounter @ Encounter
issued date issued
performer reference performer @ Practitioner,PractitionerRole,Organization,CareTeam
result reference result @ Observation
results-interpreter reference resultsInterpreter @ Practitioner,PractitionerRole,Organization,CareTeam
status token status
""",
    "Procedure": _SUBJECT + """
based-on reference basedOn @ CarePlan,ServiceRequest
category token category
code token code
date date performed[DateTime] | performed[Period]
encounter reference encounter @ Encounter
instantiates-canonical reference instantiatesCanonical
instantiates-uri uri instantiatesUri
location reference location @ Location
part-of reference partOf @ Procedure,Observation,MedicationAdministration
performer reference performer.actor @ Practitioner,PractitionerRole,Organization,Patient,Device
reason-code token reasonCode
reason-reference reference reasonReference @ Condition,Observation,Procedure,DiagnosticReport,DocumentReference
status token status
""",
    "MedicationRequest": _SUBJECT + """
authoredon date authoredOn
category token category
code token medication[CodeableConcept]
date date dosageInstruction.timing.event
encounter reference encounter @ Encounter
intended-dispenser reference dispenseRequest.performer @ Organization
intended-performer reference performer @ Practitioner,PractitionerRole,Organization,Patient,Device,CareTeam
intended-performertype token performerType
intent token intent
medication reference medication[Reference] @ Medication
priority token priority
requester reference requester @ Practitioner,PractitionerRole,Organization,Patient,Device
status token status
""",
    "Medication": """
code token code
expiration-date date batch.expirationDate
form token form
identifier token identifier
ingredient reference ingredient.item[Reference] @ Medication
ingredient-code token ingredient.item[CodeableConcept]
lot-number token batch.lotNumber
manufacturer reference manufacturer @ Organization
status token status
""",
    "MedicationAdministration": _SUBJECT + """
code token medication[CodeableConcept]
context reference context @ Encounter
device reference device @ Device
effective-time date effective[DateTime] | effective[Period]
medication reference medication[Reference] @ Medication
performer reference performer.actor @ Practitioner,PractitionerRole,Patient,Device
reason-given token reasonCode
reason-not-given token statusReason
request reference request @ MedicationRequest
status token status
""",
    "Immunization": """
date date occurrence[DateTime]
identifier token identifier
location reference location @ Location
lot-number string lotNumber
manufacturer reference manufacturer @ Organization
patient reference patient @ Patient
performer reference performer.actor @ Practitioner,PractitionerRole,Organization
reaction reference reaction.detail @ Observation
reaction-date date reaction.date
reason-code token reasonCode
reason-reference reference reasonReference @ Condition,Observation,DiagnosticReport
series string protocolApplied.series
status token status
status-reason token statusReason
target-disease token protocolApplied.targetDisease
vaccine-code token vaccineCode
""",
    "AllergyIntolerance": """
asserter reference asserter @ Practitioner,PractitionerRole,Patient
category token category
clinical-status token clinicalStatus
code token code | reaction.substance
criticality token criticality
date date recordedDate
identifier token identifier
last-date date lastOccurrence
manifestation token reaction.manifestation
onset date reaction.onset
patient reference patient @ Patient
recorder reference recorder @ Practitioner,PractitionerRole,Patient
route token reaction.exposureRoute
severity token reaction.severity
type token type
verification-status token verificationStatus
""",
    "CarePlan": _SUBJECT + """
activity-code token activity.detail.code
activity-date date activity.detail.scheduled[Timing] | activity.detail.scheduled[Period]
activity-reference reference activity.reference @ MedicationRequest,ServiceRequest,Task
based-on reference basedOn @ CarePlan
care-team reference careTeam @ CareTeam
category token category
condition reference addresses @ Condition
date date period
encounter reference encounter @ Encounter
instantiates-canonical reference instantiatesCanonical
instantiates-uri uri instantiatesUri
intent token intent
part-of reference partOf @ CarePlan
performer reference activity.detail.performer @ Practitioner,PractitionerRole,Organization,Patient,Device,CareTeam
replaces reference replaces @ CarePlan
status token status
""",
    "CareTeam": _SUBJECT + """
category token category
date date period
encounter reference encounter @ Encounter
participant reference participant.member @ Practitioner,PractitionerRole,Organization,Patient,CareTeam
status token status
""",
    "Claim": """
care-team reference careTeam.provider @ Practitioner,PractitionerRole,Organization
created date created
encounter reference item.encounter @ Encounter
enterer reference enterer @ Practitioner,PractitionerRole
facility reference facility @ Location
identifier token identifier
insurer reference insurer @ Organization
patient reference patient @ Patient
payee reference payee.party @ Practitioner,PractitionerRole,Organization,Patient
priority token priority
procedure-udi reference procedure.udi @ Device
provider reference provider @ Practitioner,PractitionerRole,Organization
status token status
use token use
""",
    "ExplanationOfBenefit": """
care-team reference careTeam.provider @ Practitioner,PractitionerRole,Organization
claim reference claim @ Claim
coverage reference insurance.coverage
created date created
disposition string disposition
encounter reference item.encounter @ Encounter
enterer reference enterer @ Practitioner,PractitionerRole
facility reference facility @ Location
identifier token identifier
patient reference patient @ Patient
payee reference payee.party @ Practitioner,PractitionerRole,Organization,Patient
provider reference provider @ Practitioner,PractitionerRole,Organization
status token status
""",
    "DocumentReference": """
authenticator reference authenticator @ Practitioner,PractitionerRole,Organization
author reference author @ Practitioner,PractitionerRole,Organization,Device,Patient
category token category
contenttype token content.attachment.contentType
custodian reference custodian @ Organization
date date date
description string description
encounter reference context.encounter @ Encounter
event token context.event
facility token context.facilityType
format token content.format
identifier token masterIdentifier | identifier
language token content.attachment.language
location uri content.attachment.url
patient reference subject->Patient @ Patient
period date context.period
related reference context.related @ *
relatesto reference relatesTo.target @ DocumentReference
relation token relatesTo.code
security-label token securityLabel
setting token context.practiceSetting
status token status
subject reference subject @ Patient,Practitioner,Device
type token type
""",
    "ImagingStudy": _SUBJECT + """
basedon reference basedOn @ CarePlan,ServiceRequest,Task
bodysite token series.bodySite
dicom-class token series.instance.sopClass
encounter reference encounter @ Encounter
instance token series.instance.uid
interpreter reference interpreter @ Practitioner,PractitionerRole
modality token series.modality
performer reference series.performer.actor @ Practitioner,PractitionerRole,Organization,Patient,Device,CareTeam
reason token reasonCode
referrer reference referrer @ Practitioner,PractitionerRole
series token series.uid
started date started
status token status
""",
    "Device": """
device-name string deviceName.name | type.coding.display | type.text
identifier token identifier
location reference location @ Location
manufacturer string manufacturer
model string modelNumber
organization reference owner @ Organization
patient reference patient @ Patient
status token status
type token type
udi-carrier string udiCarrier.carrierHRF
udi-di string udiCarrier.deviceIdentifier
url uri url
""",
    "SupplyDelivery": """
identifier token identifier
patient reference patient @ Patient
receiver reference receiver @ Practitioner,PractitionerRole
status token status
supplier reference supplier @ Practitioner,PractitionerRole,Organization
""",
    "Provenance": """
agent reference agent.who @ Practitioner,PractitionerRole,Organization,Patient,Device
agent-role token agent.role
agent-type token agent.type
entity reference entity.what @ *
location reference location @ Location
patient reference target->Patient @ Patient
recorded date recorded
signature-type token signature.type
target reference target @ *
when date occurred[DateTime]
""",
    "Consent": """
action token provision.action
actor reference provision.actor.reference @ Practitioner,PractitionerRole,Organization,Patient,Device,CareTeam
category token category
consentor reference performer @ Practitioner,PractitionerRole,Organization,Patient
data reference provision.data.reference @ *
date date dateTime
identifier token identifier
organization reference organization @ Organization
patient reference patient @ Patient
period date provision.period
purpose token provision.purpose
scope token scope
security-label token provision.securityLabel
source-reference reference source[Reference] @ Consent,DocumentReference
status token status
""",
    "AuditEvent": """
action token action
address string agent.network.address
agent reference agent.who @ Practitioner,PractitionerRole,Organization,Patient,Device
agent-name string agent.name
agent-role token agent.role
altid token agent.altId
date date recorded
entity reference entity.what @ *
entity-name string entity.name
entity-role token entity.role
entity-type token entity.type
outcome token outcome
patient reference agent.who->Patient | entity.what->Patient @ Patient
policy uri agent.policy
site token source.site
source reference source.observer @ Practitioner,PractitionerRole,Organization,Patient,Device
subtype token subtype
type token type
""",
    "Task": """
authored-on date authoredOn
based-on reference basedOn @ *
business-status token businessStatus
code token code
encounter reference encounter @ Encounter
focus reference focus @ *
group-identifier token groupIdentifier
identifier token identifier
intent token intent
modified date lastModified
owner reference owner @ Practitioner,PractitionerRole,Organization,Patient,Device,CareTeam
part-of reference partOf @ Task
patient reference for->Patient @ Patient
performer token performerType
period date executionPeriod
priority token priority
requester reference requester @ Practitioner,PractitionerRole,Organization,Patient,Device
status token status
subject reference for @ *
""",
    "ServiceRequest": _SUBJECT + """
authored date authoredOn
based-on reference basedOn @ CarePlan,ServiceRequest,MedicationRequest
body-site token bodySite
category token category
code token code
encounter reference encounter @ Encounter
instantiates-canonical reference instantiatesCanonical
instantiates-uri uri instantiatesUri
intent token intent
occurrence date occurrence[DateTime] | occurrence[Period] | occurrence[Timing]
performer reference performer @ Practitioner,PractitionerRole,Organization,Patient,Device,CareTeam
performer-type token performerType
priority token priority
replaces reference replaces @ ServiceRequest
requester reference requester @ Practitioner,PractitionerRole,Organization,Patient,Device
requisition token requisition
status token status
""",
}

# name -> (root paths, (component type, path) pairs); "" is the resource itself
COMPOSITES = {
    "Observation": {
        "code-value-quantity": ([""], ("token", "code"), ("quantity", "value[Quantity]")),
        "code-value-concept": ([""], ("token", "code"), ("token", "value[CodeableConcept]")),
        "code-value-string": ([""], ("token", "code"), ("string", "value[String]")),
        "code-value-date": ([""], ("token", "code"), ("date", "value[DateTime] | value[Period]")),
        "combo-code-value-quantity": (["", "component"], ("token", "code"), ("quantity", "value[Quantity]")),
        "combo-code-value-concept": (["", "component"], ("token", "code"), ("token", "value[CodeableConcept]")),
        "component-code-value-quantity": (["component"], ("token", "code"), ("quantity", "value[Quantity]")),
        "component-code-value-concept": (["component"], ("token", "code"), ("token", "value[CodeableConcept]")),
    }
}

# Elements that an `_elements` answer keeps although nobody asked: the mandatory ones of R4, per type (top level only).
MANDATORY = {
    "Observation": {"status", "code"}, "Encounter": {"status", "class"}, "Condition": {"subject"}, "DiagnosticReport": {"status", "code"},
    "Procedure": {"status", "subject"}, "Patient": set(), "Practitioner": set(), "Organization": set(), "Location": set(),
    "Immunization": {"status", "vaccineCode", "patient", "occurrenceDateTime", "occurrenceString"},
    "MedicationRequest": {"status", "intent", "medicationCodeableConcept", "medicationReference", "subject"},
    "AllergyIntolerance": {"patient"}, "CarePlan": {"status", "intent", "subject"}, "CareTeam": set(), "Device": set(),
}


class Parameter:
    """One search parameter of one type: its kind, where it lives, and what its references may point at."""

    __slots__ = ("name", "kind", "path", "targets")

    def __init__(self, name, kind, path, targets):
        self.name, self.kind, self.path, self.targets = name, kind, path, targets


def _parse(text):
    table = {}
    for line in (_COMMON + text).split("\n"):
        if not line.strip():
            continue
        line, _, targets = line.partition("@")
        name, kind, path = line.strip().split(" ", 2)
        names = [] if not targets else (sorted(_TYPES) if targets.strip() == "*" else [t.strip() for t in targets.split(",")])
        table[name] = Parameter(name, kind, path.strip(), names)
    return table


# What the definitions in `parameters/` select, said in this oracle's own path language.
_CUSTOM = {
    "Patient": "official-family string name(use=official).family",
    "Observation": """
component-quantity quantity component.value[Quantity]
any-moment date effective[DateTime] | issued
""",
    "Encounter": "class-coding token class",
    "Condition": "about reference subject @ Patient",
    "Procedure": "about reference subject @ Patient",
}


def add_custom():
    """From now on the custom parameters are asked about as well."""
    for name, text in _CUSTOM.items():
        added = _parse(text)
        PARAMETERS[name].update({code: added[code] for code in added if code not in PARAMETERS[name]})


PARAMETERS = {name: _parse(text) for name, text in _TYPES.items()}
TYPES = sorted(PARAMETERS)
