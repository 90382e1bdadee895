package webhook

import (
	"slices"
	"strings"
)

// A Type names a kind of event: a family, a dot, and what happened, such as account.banned. It is a contract with
// those who are told: it is never renamed.
type Type string

// Family is the part before the dot: account, phone, contact, message; or unrecognized.
func (t Type) Family() string {
	family, _, _ := strings.Cut(string(t), ".")
	return family
}

// Severity says how soon somebody must act.
type Severity string

// The severities.
const (
	Critical Severity = "critical" // sending is blocked or about to be: wake somebody
	Warning  Severity = "warning"  // sending may suffer: look today
	Info     Severity = "info"     // good to know
)

// The event types, by family. What each means and which struct it carries is in the [Catalog].
const (
	AccountBanned                Type = "account.banned"
	AccountBanScheduled          Type = "account.ban_scheduled"
	AccountReinstated            Type = "account.reinstated"
	AccountRestricted            Type = "account.restricted"
	AccountRestrictionLifted     Type = "account.restriction_lifted"
	AccountRestrictionReported   Type = "account.restriction_reported"
	AccountWarned                Type = "account.warned"
	AccountViolation             Type = "account.violation"
	AccountDeleted               Type = "account.deleted"
	AccountOffboarded            Type = "account.offboarded"
	AccountReconnected           Type = "account.reconnected"
	AccountReviewed              Type = "account.reviewed"
	AccountAlert                 Type = "account.alert"
	AccountCapabilityUpdated     Type = "account.capability_updated"
	AccountPartnerAdded          Type = "account.partner_added"
	AccountPartnerRemoved        Type = "account.partner_removed"
	AccountPartnerAppInstalled   Type = "account.partner_app_installed"
	AccountPartnerAppUninstalled Type = "account.partner_app_uninstalled"
	AccountPartnerVerification   Type = "account.partner_verification"
	AccountMarketingTermsSigned  Type = "account.marketing_terms_signed"
	AccountAdAccountLinked       Type = "account.ad_account_linked"
	AccountCountryUpdated        Type = "account.country_updated"
	AccountVolumeTierUpdated     Type = "account.volume_tier_updated"
	AccountAuthPricingUpdated    Type = "account.auth_pricing_updated"
	PhoneAdded                   Type = "phone.added"
	PhoneRemoved                 Type = "phone.removed"
	PhoneVerified                Type = "phone.verified"
	PhoneOnboarded               Type = "phone.onboarded"
	PhoneFlagged                 Type = "phone.flagged"
	PhoneUnflagged               Type = "phone.unflagged"
	PhoneLimitRaised             Type = "phone.limit_raised"
	PhoneLimitLowered            Type = "phone.limit_lowered"
	PhoneThroughputUpgraded      Type = "phone.throughput_upgraded"
	PhoneNameReviewed            Type = "phone.name_reviewed"
	PhoneSecurityChanged         Type = "phone.security_changed"
	PhoneSettingsUpdated         Type = "phone.settings_updated"
	ContactMarketingStopped      Type = "contact.marketing_stopped"
	ContactMarketingResumed      Type = "contact.marketing_resumed"
	MessageSent                  Type = "message.sent"
	MessageDelivered             Type = "message.delivered"
	MessageRead                  Type = "message.read"
	MessagePlayed                Type = "message.played"
	MessageFailed                Type = "message.failed"
	MessageDeleted               Type = "message.deleted"
	MessageWarned                Type = "message.warned"
	MessageReceived              Type = "message.received"
	Unrecognized                 Type = "unrecognized"
)

// An Entry is what the catalog says of one event type.
type Entry struct {
	Type     Type
	Severity Severity
	Meaning  string // one sentence for the person who is told
	data     func() any
}

// Catalog lists every event type, in the order of this file.
func Catalog() []Entry { return slices.Clone(catalog) }

// Lookup finds the entry of a type.
func Lookup(t Type) (Entry, bool) {
	i, ok := catalogIndex[t]
	if !ok {
		return Entry{}, false
	}
	return catalog[i], true
}

func carrying[T any]() func() any { return func() any { return new(T) } }

var catalog = []Entry{
	{AccountBanned, Critical, "The account is disabled: nothing can be sent from any of its numbers until an appeal succeeds.", carrying[Ban]()},
	{AccountBanScheduled, Critical, "The account will be disabled on the date given unless an appeal succeeds.", carrying[Ban]()},
	{AccountReinstated, Info, "A ban was reversed or a scheduled one was called off.", carrying[Ban]()},
	{AccountRestricted, Critical, "Some things the account may not do, each until a time given or for good.", carrying[Restriction]()},
	{AccountRestrictionLifted, Info, "The account's restrictions are over.", carrying[Restriction]()},
	{AccountRestrictionReported, Warning, "The provider speaks of a restriction without saying of what or how long; it may as well be a warning, or the end of one. Look at the account.", carrying[Restriction]()},
	{AccountWarned, Warning, "The account is warned; nothing is restricted yet.", carrying[Restriction]()},
	{AccountViolation, Warning, "The account violated a policy; nothing is blocked by this event itself.", carrying[Violation]()},
	{AccountDeleted, Critical, "The account was deleted.", carrying[None]()},
	{AccountOffboarded, Warning, "A coexistence account left the platform.", carrying[None]()},
	{AccountReconnected, Info, "A coexistence account came back.", carrying[None]()},
	{AccountReviewed, Warning, "The policy review of the account has a result; only an approved account can use the API.", carrying[Review]()},
	{AccountAlert, Warning, "Meta has something to say about a business, a number or a profile.", carrying[Alert]()},
	{AccountCapabilityUpdated, Warning, "Limits changed: how many people may be written to in a day, how many numbers there may be. What is not named is unchanged.", carrying[Capability]()},
	{AccountPartnerAdded, Info, "The account was shared with a partner.", carrying[Partner]()},
	{AccountPartnerRemoved, Warning, "The account is no longer shared with a partner; it may be a ban as a partner sees it.", carrying[Partner]()},
	{AccountPartnerAppInstalled, Info, "A partner's app was granted access to the account.", carrying[Partner]()},
	{AccountPartnerAppUninstalled, Warning, "A partner's app lost access to the account.", carrying[Partner]()},
	{AccountPartnerVerification, Info, "Partner-led business verification is needed, or has a result.", carrying[PartnerVerification]()},
	{AccountMarketingTermsSigned, Info, "The terms of the Marketing Messages Lite API were signed.", carrying[Partner]()},
	{AccountAdAccountLinked, Info, "An ad account was linked.", carrying[Partner]()},
	{AccountCountryUpdated, Info, "The business's primary location was set.", carrying[Country]()},
	{AccountVolumeTierUpdated, Info, "The account reached another volume tier of pricing.", carrying[VolumeTier]()},
	{AccountAuthPricingUpdated, Info, "Authentication-international rates will apply to the account.", carrying[AuthPricing]()},
	{PhoneAdded, Info, "A number was added to the account.", carrying[None]()},
	{PhoneRemoved, Warning, "A number was removed from the account.", carrying[None]()},
	{PhoneVerified, Info, "A sandbox number became a verified one.", carrying[None]()},
	{PhoneOnboarded, Info, "A number was registered, with the limit given.", carrying[Quality]()},
	{PhoneFlagged, Warning, "The number's quality is low; its limit may be lowered.", carrying[Quality]()},
	{PhoneUnflagged, Info, "The number's quality has recovered.", carrying[Quality]()},
	{PhoneLimitRaised, Info, "The number may write to more people in a day.", carrying[Quality]()},
	{PhoneLimitLowered, Warning, "The number may write to fewer people in a day.", carrying[Quality]()},
	{PhoneThroughputUpgraded, Info, "The number may send more messages in a second.", carrying[Quality]()},
	{PhoneNameReviewed, Info, "The display name of a number was reviewed.", carrying[Name]()},
	{PhoneSecurityChanged, Warning, "The two-step PIN of a number was changed, or somebody asked to reset it.", carrying[Security]()},
	{PhoneSettingsUpdated, Info, "Settings of a number were changed.", carrying[Settings]()},
	{ContactMarketingStopped, Warning, "A person does not want marketing messages from this number any more: stop sending them.", carrying[Preference]()},
	{ContactMarketingResumed, Info, "A person wants marketing messages from this number again.", carrying[Preference]()},
	{MessageSent, Info, "A message left for its recipient.", carrying[MessageStatus]()},
	{MessageDelivered, Info, "A message reached its recipient's device. It may never be said of a message that was read.", carrying[MessageStatus]()},
	{MessageRead, Info, "A message was shown to its recipient.", carrying[MessageStatus]()},
	{MessagePlayed, Info, "A voice message was played by its recipient.", carrying[MessageStatus]()},
	{MessageFailed, Warning, "A message was not delivered, and will not be; its errors say why.", carrying[MessageStatus]()},
	{MessageDeleted, Info, "A message was deleted.", carrying[MessageStatus]()},
	{MessageWarned, Warning, "Something of a message cannot be shown, such as a product that is not for sale.", carrying[MessageStatus]()},
	{MessageReceived, Info, "Somebody wrote to the number, or pressed a button of one of its messages.", carrying[Message]()},
	{Unrecognized, Info, "Authentic, but not understood by this version: kept and passed on as it came.", carrying[Raw]()},
}

var catalogIndex = func() map[Type]int {
	index := make(map[Type]int, len(catalog))
	for i, e := range catalog {
		index[e.Type] = i
	}
	return index
}()
