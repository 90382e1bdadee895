package webhook

import "time"

// The structs that events carry. Members are the provider's own words where the set of values is open, and ours only
// where the catalog's meaning rests on them. Facts are of Meta's webhook reference unless another source is named.

// None is carried by events that say all by their type, account and phone.
type None struct{}

// Ban is the state of an account's ban.
type Ban struct {
	State string `json:"state"`          // DISABLE, SCHEDULE_FOR_DISABLE, REINSTATE
	Date  string `json:"date,omitempty"` // English text such as "October 22, 2025": no time, no zone; not for ordering
}

// Restriction is a restriction, the end of one, or a warning of one.
type Restriction struct {
	Restrictions []Restricted `json:"restrictions,omitempty"` // what it may not do; left out of a warning
	Violation    string       `json:"violation,omitempty"`    // violation_type: SCAM, DIRECT_SEND_UTILITY_CATEGORY_ABUSE_STRIKE_1, …
	Remediation  string       `json:"remediation,omitempty"`  // the provider's words on what to do
}

// Restricted is one thing that an account may not do.
type Restricted struct {
	Type        string    `json:"type"`                  // restriction_type: RESTRICTED_BIZ_INITIATED_MESSAGING, …
	Until       time.Time `json:"until,omitzero"`        // when it ends; left out if it is for good, or not said
	Remediation string    `json:"remediation,omitempty"` // the provider's words on what to do
}

// Violation is a violated policy.
type Violation struct {
	Type        string `json:"type,omitempty"`        // violation_type; resellers leave it out
	Remediation string `json:"remediation,omitempty"` // the provider's words on what to do
}

// Review is the result of an account's policy review.
type Review struct {
	Decision string `json:"decision"` // APPROVED, REJECTED, PENDING, DEFERRED
}

// Alert is something that Meta has to say.
type Alert struct {
	EntityType  string `json:"entity_type,omitempty"` // BUSINESS, PHONE_NUMBER, CURRENT_STATUS_ID
	EntityID    string `json:"entity_id,omitempty"`   // which of them
	Severity    string `json:"severity,omitempty"`    // CRITICAL, WARNING, INFORMATIONAL
	Status      string `json:"status,omitempty"`      // ACTIVE, NONE
	Type        string `json:"type"`                  // INCREASED_CAPABILITIES_ELIGIBILITY_FAILED, OBA_APPROVED, …
	Description string `json:"description,omitempty"` // the provider's words
}

// Capability is what changed of an account's limits. What is left out is unchanged, not zero.
type Capability struct {
	DailyPerBusiness  string `json:"daily_per_business,omitempty"`  // people a day over all numbers: 2000 or TIER_2K
	DailyPerPhone     string `json:"daily_per_phone,omitempty"`     // the same for each number, as it was before limits were of the business; -1 is unlimited
	PhonesPerBusiness string `json:"phones_per_business,omitempty"` // how many numbers the business may have
	PhonesPerAccount  string `json:"phones_per_account,omitempty"`  // how many numbers the account may have
}

// Partner is who has to do with an account.
type Partner struct {
	Business         string   `json:"business,omitempty"`          // id of the business portfolio that is told, where no account is named
	Owner            string   `json:"owner,omitempty"`             // owner_business_id: the business that owns the account
	App              string   `json:"app,omitempty"`               // partner_app_id: the partner's app
	Solution         string   `json:"solution,omitempty"`          // id of the multi-partner solution
	SolutionPartners []string `json:"solution_partners,omitempty"` // ids of the businesses that take part in it
	AdAccount        string   `json:"ad_account,omitempty"`        // id of the ad account
	Reason           string   `json:"reason,omitempty"`            // disconnection: ACCOUNT_DISCONNECTED, CHANGE_NUMBER, …
	InitiatedBy      string   `json:"initiated_by,omitempty"`      // SYSTEM, USER
}

// PartnerVerification is the state of a partner-led business verification.
type PartnerVerification struct {
	ClientBusiness string   `json:"client_business,omitempty"` // id of the business that is verified
	Status         string   `json:"status"`                    // NEEDED, APPROVED, DISCARDED, FAILED, PENDING, REVOKED
	Reasons        []string `json:"reasons,omitempty"`         // why it was refused: LEGAL_NAME_NOT_MATCHING, …
}

// Country is a business's primary location.
type Country struct {
	Code string `json:"code"` // ISO 3166-1 alpha-2
}

// VolumeTier is a tier of volume-based pricing.
type VolumeTier struct {
	Category string    `json:"category,omitempty"` // of the messages that it is about, such as UTILITY
	Region   string    `json:"region,omitempty"`   // the country or region of their recipients
	Tier     string    `json:"tier"`               // how many messages a month: "min:max"
	Month    string    `json:"month,omitempty"`    // the month it counts for, such as 2026-04
	Since    time.Time `json:"since,omitzero"`     // from when on
}

// AuthPricing says from when authentication-international rates apply.
type AuthPricing struct {
	Start      time.Time          `json:"start,omitzero"`       // from when on
	Exceptions []PricingException `json:"exceptions,omitempty"` // countries where they apply from another time on
}

// Payment is a payment configuration of an account (India and Brazil).
type Payment struct {
	Configuration string    `json:"configuration"`      // configuration_name
	Provider      string    `json:"provider,omitempty"` // billdesk, payu, razorpay, zaakpay
	Merchant      string    `json:"merchant,omitempty"` // provider_mid
	Status        string    `json:"status"`             // Active, Needs Connecting, Needs Testing
	Created       time.Time `json:"created,omitzero"`   // when it was made
	Updated       time.Time `json:"updated,omitzero"`   // when it was last changed
}

// Solution is a multi-partner solution.
type Solution struct {
	ID       string `json:"id"`                 // of the solution
	Business string `json:"business,omitempty"` // the business portfolio that is told of it
	Event    string `json:"event"`              // SOLUTION_CREATED, SOLUTION_UPDATED
	Status   string `json:"status,omitempty"`   // ACTIVE, DEACTIVATED, DRAFT, INITIATED, PENDING_DEACTIVATION, REJECTED
}

// Username is the business username of a number.
type Username struct {
	Username string `json:"username,omitempty"` // left out if the number has none any more
	Status   string `json:"status"`             // approved, deleted, reserved, …
}

// PricingException is a country with a time of its own.
type PricingException struct {
	Country string    `json:"country"`        // ISO 3166-1 alpha-2
	Start   time.Time `json:"start,omitzero"` // from when on; left out if that cannot be read
}

// Quality is what changed of a number's quality, limit or throughput.
type Quality struct {
	Event            string `json:"event"`                        // FLAGGED, UPGRADE, THROUGHPUT_UPGRADE, …
	Limit            string `json:"limit,omitempty"`              // current_limit: TIER_1K, …
	OldLimit         string `json:"old_limit,omitempty"`          // the limit before
	DailyPerBusiness string `json:"daily_per_business,omitempty"` // max_daily_conversations_per_business
}

// Name is the review of a display name.
type Name struct {
	Decision  string `json:"decision"`            // APPROVED, REJECTED, PENDING, DEFERRED
	Requested string `json:"requested,omitempty"` // the name that was asked for
	Reason    string `json:"reason,omitempty"`    // why it was rejected
}

// Security is a change of a number's two-step verification.
type Security struct {
	Event     string `json:"event"`               // PIN_CHANGED, PIN_RESET_REQUEST, PIN_REQUEST_SUCCESS
	Requester string `json:"requester,omitempty"` // id of the person who asked for it
}

// Settings are the settings of a number, as they came.
type Settings struct {
	Type string `json:"type,omitempty"` // PHONE_NUMBER_SETTINGS
	Raw  string `json:"raw,omitempty"`  // phone_number_settings, JSON
}

// Preference is what a person wants to be sent.
type Preference struct {
	Contact  Contact `json:"contact"`  // the person
	Category string  `json:"category"` // marketing_messages
	// Basis is what made us believe it: user_preferences, Meta's own word; status_131050, a message that failed because
	// the person had stopped such messages; keyword, a message that is a configured word; button, a pressed one.
	Basis   string `json:"basis"`
	Detail  string `json:"detail,omitempty"`  // in the provider's or the person's words
	Message string `json:"message,omitempty"` // id of the message that says so, unless basis is user_preferences
}

// Contact is how a person is known. At least one of UserID and WaID is set wherever a provider sent one; since April
// 2026 the number is left out for people who have a username.
type Contact struct {
	UserID       string `json:"user_id,omitempty"`        // business-scoped user id, such as US.1349…
	ParentUserID string `json:"parent_user_id,omitempty"` // the same over linked portfolios
	WaID         string `json:"wa_id,omitempty"`          // phone number, digits only
}

// Raw is what was not understood.
type Raw struct {
	Reason string `json:"reason"` // unknown field, unknown value, or what was malformed; nothing of the value itself
	Value  Body   `json:"value"`  // the element, as it came
	// Omitted says that value was left out because the webhook was too large for all of its events to be told in full;
	// whoever runs Holdfast can look it up in the webhook itself.
	Omitted bool `json:"omitted,omitempty"`
}

// Omit leaves out a value of more than so many bytes, and reports whether it was.
func (r *Raw) Omit(over int) bool {
	if len(r.Value) <= over {
		return false
	}
	r.Value, r.Omitted = nil, true
	return true
}
