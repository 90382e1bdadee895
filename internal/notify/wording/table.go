package wording

import "holdfast/internal/webhook"

// wording is what is said of a type of events.
type wording struct {
	title string   // {account}, {number}, {template} are filled in, with whose they are; {of} is whose something else is
	do    []string // what to do; {id} is the account. Nothing where nothing has to be done
}

// What more than one type asks for. Meta's facts are of its pages on policy enforcement, messaging limits, template pausing and
// webhooks.
const (
	look       = "See what is known now: holdfast state {id}"
	stop       = "Stop sending from this account: everything fails, and it may count against you."
	appeal     = "Appeal in Meta Business Manager, Account Quality: an answer takes one or two days."
	resume     = "Sending may go on: begin slowly."
	feedback   = "Find out why people block or report the messages: who is written to, how often, and whether they had agreed."
	partner    = "If you did not expect this, ask the owner of the account."
	pricing    = "See what it changes in your costs."
	otherTempl = "Send another template meanwhile."
	fewer      = "Plan campaigns for the new limit; what exceeds it fails."
	endpoint   = "Look at the flow's endpoint: its logs, its load, its answers."
)

var words = map[webhook.Type]wording{
	webhook.AccountBanned:                {"{account} is banned", []string{stop, appeal, look}},
	webhook.AccountBanScheduled:          {"{account} is going to be banned", []string{"Find out what Meta objects to, and mend it before that day.", appeal, look}},
	webhook.AccountReinstated:            {"{account} is not banned any more", []string{resume, look}},
	webhook.AccountRestricted:            {"{account} is restricted", []string{"Stop what it may not do: it fails, and it may count against you.", appeal, look}},
	webhook.AccountRestrictionLifted:     {"{account} is not restricted any more", []string{resume, look}},
	webhook.AccountRestrictionReported:   {"{account} may be restricted", []string{"Look in Meta Business Manager, Account Quality, whether it is, of what, and until when.", look}},
	webhook.AccountWarned:                {"{account} was warned", []string{"Find out what Meta objects to, and mend it: restrictions come next."}},
	webhook.AccountViolation:             {"{account} violated a policy", []string{"Find out what Meta objects to, and mend it: restrictions come next.", appeal}},
	webhook.AccountDeleted:               {"{account} was deleted", []string{"Stop sending from this account: it is not there any more.", "If you did not expect this, ask the owner of the account who did it, and when."}},
	webhook.AccountOffboarded:            {"{account} left the platform", []string{"Stop sending from this account.", "If it is to stay, its owner has to connect the WhatsApp Business app again."}},
	webhook.AccountReconnected:           {"{account} is back on the platform", []string{resume}},
	webhook.AccountReviewed:              {"{account} was reviewed", []string{"If it was not approved, read the reasons in Meta Business Manager, Account Quality, and appeal there."}},
	webhook.AccountAlert:                 {"Meta has an alert for {account}", []string{"Read it in Meta Business Suite, and do what it asks for."}},
	webhook.AccountCapabilityUpdated:     {"The limits{of} changed", []string{"If a limit is lower than before, plan campaigns for it: what exceeds it fails."}},
	webhook.AccountPartnerAdded:          {"{account} was shared with a partner", []string{partner}},
	webhook.AccountPartnerRemoved:        {"{account} is not shared with a partner any more", []string{"Stop sending from this account if it was shared with you.", "Ask the owner of the account whether it is banned: partners see that like this.", look}},
	webhook.AccountPartnerAppInstalled:   {"A partner's app got access to {account}", []string{partner}},
	webhook.AccountPartnerAppUninstalled: {"A partner's app lost access to {account}", []string{"If it is your app, its calls fail from now on: ask the owner of the account to grant access again."}},
	webhook.AccountPartnerVerification:   {"Partner-led business verification{of}", []string{"If it is needed or was refused, hand in what is missing in Meta Business Suite."}},
	webhook.AccountMarketingTermsSigned:  {"The terms of marketing messages were signed for {account}", nil},
	webhook.AccountAdAccountLinked:       {"An ad account was linked to {account}", []string{partner}},
	webhook.AccountCountryUpdated:        {"The primary location{of} was set", nil},
	webhook.AccountVolumeTierUpdated:     {"{account} reached another volume tier", []string{pricing}},
	webhook.AccountAuthPricingUpdated:    {"Authentication-international rates apply to {account}", []string{pricing}},
	webhook.AccountPaymentUpdated:        {"A payment configuration{of} changed", []string{"If its status is not Active, connect or test it again in WhatsApp Manager: it takes no payments."}},
	webhook.PartnerSolutionUpdated:       {"A multi-partner solution was created or changed", nil},

	webhook.PhoneAdded:              {"{number} was added", []string{partner}},
	webhook.PhoneRemoved:            {"{number} was removed", []string{"Stop sending from this number.", partner}},
	webhook.PhoneVerified:           {"{number} was verified", nil},
	webhook.PhoneOnboarded:          {"{number} was registered", nil},
	webhook.PhoneFlagged:            {"{number} has low quality", []string{"Send fewer marketing messages from this number until it recovers.", feedback, look}},
	webhook.PhoneUnflagged:          {"{number} has recovered its quality", nil},
	webhook.PhoneLimitRaised:        {"{number} may write to more people", nil},
	webhook.PhoneLimitLowered:       {"{number} may write to fewer people", []string{fewer, feedback, look}},
	webhook.PhoneThroughputUpgraded: {"{number} may send faster", nil},
	webhook.PhoneNameReviewed:       {"The display name of {number} was reviewed", []string{"If it was not approved, choose another name by Meta's guidelines in WhatsApp Manager, or appeal there."}},
	webhook.PhoneUsernameUpdated:    {"The username of {number} was changed or reviewed", nil},
	webhook.PhoneSecurityChanged:    {"The two-step verification of {number} was touched", []string{"Ask whoever looks after the number whether they did it. If nobody did, set a new PIN in WhatsApp Manager, and look at who has access."}},
	webhook.PhoneSettingsUpdated:    {"Settings of {number} were changed", nil},

	webhook.TemplateApproved:         {"{template} is approved", nil},
	webhook.TemplateRejected:         {"{template} was rejected", []string{"Edit it by the reason given and hand it in again, or appeal in Meta Business Manager."}},
	webhook.TemplatePending:          {"{template} waits for its review", nil},
	webhook.TemplateInAppeal:         {"{template} is under review after an appeal", nil},
	webhook.TemplateFlagged:          {"{template} has negative feedback", []string{"Send it to fewer people, or edit it: it may be disabled.", feedback}},
	webhook.TemplatePaused:           {"{template} is paused", []string{"Stop campaigns that use it: what is sent with it fails. It is active again by itself after some hours.", otherTempl, feedback}},
	webhook.TemplateDisabled:         {"{template} is disabled", []string{"Stop campaigns that use it: what is sent with it fails.", "Edit it, or use another."}},
	webhook.TemplateReinstated:       {"{template} may be used again", nil},
	webhook.TemplateLocked:           {"{template} cannot be edited", []string{"Wait, or make another one, if it has to be changed."}},
	webhook.TemplateLimitExceeded:    {"{template}: there are too many templates", []string{"Delete templates that nobody uses."}},
	webhook.TemplateArchived:         {"{template} was archived", []string{"If it is still needed, unarchive it within 28 days."}},
	webhook.TemplateUnarchived:       {"{template} is back from the archive", nil},
	webhook.TemplateDeletionPending:  {"{template} will be deleted", []string{"Stop campaigns that use it. " + otherTempl}},
	webhook.TemplateDeleted:          {"{template} was deleted", []string{"Stop campaigns that use it: what is sent with it fails."}},
	webhook.TemplateQualityChanged:   {"{template} has another quality", []string{"If it is YELLOW or RED, send it to fewer people, or edit it, before it is paused.", feedback}},
	webhook.TemplateCategoryChanging: {"{template} is going to be of another category", []string{"See what it changes in your costs. Edit it or ask for a review in WhatsApp Manager if the category is wrong."}},
	webhook.TemplateCategoryChanged:  {"{template} is of another category", []string{"See what it changes in your costs. Edit it or ask for a review in WhatsApp Manager if the category is wrong."}},
	webhook.TemplateCategoryMismatch: {"{template}: a message was sent in the wrong category", []string{"Send messages of this kind in the right category: wrong ones lead to restrictions."}},
	webhook.TemplateEdited:           {"{template} was edited", nil},

	webhook.FlowStatusChanged:   {"A flow{of} has another status", []string{"If it is throttled or blocked, look at its endpoint and its errors in WhatsApp Manager, mend them, and it recovers."}},
	webhook.FlowErrorRate:       {"The error rate of a flow{of} crossed a threshold", []string{endpoint}},
	webhook.FlowLatency:         {"The latency of a flow's endpoint{of} crossed a threshold", []string{endpoint}},
	webhook.FlowAvailability:    {"The availability of a flow's endpoint{of} crossed a threshold", []string{endpoint}},
	webhook.FlowVersionExpiring: {"The version of a flow{of} expires", []string{"Migrate the flow to a newer version, test it, and publish it."}},

	webhook.ContactMarketingStopped: {"A person wants no marketing messages from {number}", []string{"Send this person no more marketing messages: systems that are told of this event know who it is."}},
	webhook.ContactMarketingResumed: {"A person wants marketing messages from {number} again", nil},
	webhook.ContactIDChanged:        {"A person who wrote to {number} has another identity", nil},
	webhook.ContactSynced:           {"A contact in the app of {number} changed", nil},

	webhook.MessageSent:      {"A message of {number} was sent", nil},
	webhook.MessageDelivered: {"A message of {number} was delivered", nil},
	webhook.MessageRead:      {"A message of {number} was read", nil},
	webhook.MessagePlayed:    {"A voice message of {number} was played", nil},
	webhook.MessageFailed:    {"A message of {number} failed", nil}, // the errors say what to do
	webhook.MessageDeleted:   {"A message of {number} was deleted", nil},
	webhook.MessageWarned:    {"A message of {number} is not shown in full", []string{"Look at what it refers to, such as a product that is not for sale."}},
	webhook.MessageReceived:  {"Somebody wrote to {number}", nil},
	webhook.MessageEdited:    {"Somebody changed a message to {number}", nil},
	webhook.MessageRevoked:   {"Somebody took back a message to {number}", nil},
	webhook.MessageEchoed:    {"{number} sent a message by other means", nil},
	webhook.MessageStandby:   {"A message of {number} is handled by somebody else", []string{"Do not answer it."}},
	webhook.MessageProblem:   {"The platform reports a problem with {number}", nil}, // the error says what to do

	webhook.ConversationHandedOver: {"A conversation of {number} is handled by somebody else", nil},

	webhook.CallOffered:    {"A call of {number} begins", nil},
	webhook.CallConnected:  {"A call of {number} can be connected", nil},
	webhook.CallRinging:    {"A call of {number} rings", nil},
	webhook.CallAccepted:   {"A call of {number} was answered", nil},
	webhook.CallRejected:   {"A call of {number} was declined", nil},
	webhook.CallTerminated: {"A call of {number} ended", nil},

	webhook.GroupCreated:            {"A group of {number} was created", nil},
	webhook.GroupDeleted:            {"A group of {number} was deleted", nil},
	webhook.GroupJoined:             {"People joined a group of {number}", nil},
	webhook.GroupLeft:               {"People left a group of {number}", nil},
	webhook.GroupJoinRequested:      {"Somebody asks to join a group of {number}", []string{"Approve or reject the request."}},
	webhook.GroupJoinRequestRevoked: {"Somebody does not ask to join a group of {number} any more", nil},
	webhook.GroupSettingsUpdated:    {"Settings of a group of {number} were changed", nil},
	webhook.GroupSuspended:          {"A group of {number} was suspended", []string{"Do not write to the group: it fails.", "Find out what was reported in it."}},
	webhook.GroupUnsuspended:        {"A group of {number} is not suspended any more", nil},
	webhook.GroupRequestFailed:      {"Something asked of a group of {number} was not done", nil}, // the errors say what to do

	webhook.HistoryChunk:    {"A part of the earlier chats of {number} came", nil},
	webhook.HistoryDeclined: {"The earlier chats of {number} are not shared", []string{"If they are needed, ask the owner of the number to connect it again and to share them."}},

	webhook.ConversionLead:     {"A lead was found in a chat of {number}", nil},
	webhook.ConversionPurchase: {"A purchase was found in a chat of {number}", nil},
	webhook.ConversionTracked:  {"Something tracked of a message of {number} happened", nil},

	webhook.Unrecognized: {"Something of {account} was not understood", []string{"Look at the webhook in its workflow. A newer version of Holdfast may understand it."}},
}
