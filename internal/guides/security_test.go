package guides

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// proof is what holds a sentence of SECURITY.md to the code: the constants that it speaks
// of, as "folder.name", and tests that fail when it is untrue, as "folder.name".
type proof struct{ constants, tests []string }

// limits are the rows of the table of limits.
var limits = map[string]proof{
	"a hook call": {
		[]string{"internal/hookcall.DefaultLimit"},
		[]string{"pipeline/hookserver.TestWhatIsNoHookCallIsRefusedAndNothingRuns"},
	},
	"the arrival of its body": {
		[]string{"internal/hookcall.DefaultTimeout"},
		[]string{"pipeline/hookserver.TestABodyThatDoesNotArriveIsGivenUp"},
	},
	"bodies that are read at once": {
		[]string{
			"internal/hookcall.largeBodies",
			"internal/hookcall.smallBody",
			"internal/hookcall.waitingBodies",
			"internal/hookcall.smallBodies",
		},
		[]string{
			"pipeline/hookserver.TestFewLargeBodiesAreReadAtATime", "pipeline/hookserver.TestFewLargeBodiesWaitInMemory",
			"pipeline/hookserver.TestNotAllSmallBodiesAreReadAtATime",
		},
	},
	"the age of a call": {nil, []string{"pipeline/hookserver.TestACallThatIsOlderThanItMayBeIsRefused"}},
	"a run that is answered at once": {
		[]string{"rossum.DefaultHookTimeout"},
		[]string{"pipeline/hookserver.TestTheAnswerComesBeforeTheHooksTimeOut", "pipeline/hookserver.TestTheTimeOutIsThatOfTheChainsHooks"},
	},
	"a run that is answered later": {
		[]string{"pipeline/hookserver.defaultAsyncTimeout"},
		[]string{"pipeline/hookserver.TestASlowExportIsPolledUntilItHasEnded"},
	},
	"a run without a server": {nil, []string{"pipeline.TestAFinallyStepHasTimeAfterTheDeadlineWithinTheHooks"}},
	"`Finally` steps after that": {
		[]string{"pipeline.graceTime"},
		[]string{"pipeline.TestAFinallyStepHasTimeAfterTheDeadlineWithinTheHooks"},
	},
	"hosts": {
		nil,
		[]string{"internal/components.TestANameThatTurnsToMetadataIsNotReached", "internal/egress.TestMetadataIsForbiddenInEverySpelling"},
	},
	"hosts that a document chooses":  {nil, []string{"internal/address.TestAValueChoosesNoHostThatNobodyHasNamed"}},
	"calls at once, and in a second": {nil, []string{"internal/limit.TestCallsBeginAsTheLimitHasIt"}},
	"calls to Rossum":                {nil, []string{"rossum.TestAllClientsOfAnOrganisationShareItsLimit"}},
	"one attempt of a call": {
		[]string{
			"internal/httpcall.DefaultTimeout",
			"steps.retryTimeout",
			"steps/requestprocessor.defaultTimeout",
			"workday.defaultTimeout",
		},
		[]string{"internal/httpcall.TestASlowReplyEndsWithTheTimeoutAndMayHaveBeenReceived"},
	},
	"attempts of a call that may be repeated": {
		[]string{"steps.retries"},
		[]string{"internal/httpcall.TestOverHTTP2WhatMayBeRepeatedIsRepeatedAFewTimesOnly"},
	},
	"a `Retry-After`": {
		[]string{"internal/httpcall.maxWait"},
		[]string{"internal/httpcall.TestACallIsNotRepeatedSoonerThanAskedFor"},
	},
	"a reply": {
		[]string{"internal/httpcall.DefaultMaxReply"},
		[]string{
			"internal/httpcall.TestAReplyLargerThanTheLimitIsAnError",
			"internal/httpcall.TestACompressedReplyIsBoundedAndItsDamageIsAnError",
		},
	},
	"headers of a reply": {nil, []string{"internal/hostile.TestWhateverAPeerDoesAnExportEndsAndSaysSo"}},
	"the tree of a reply (JSON, XML, SOAP)": {
		[]string{"internal/treelimit.Default"},
		[]string{
			"pipeline.ExampleWithTreeLimit",
			"internal/xmldoc.TestADocumentIsRefusedBeyondTheLimitOfTrees",
			"internal/python/pyvalue.TestTheTreeOfAReplyIsRefusedBeyondItsLimit",
		},
	},
	"a Jinja2 template": {
		[]string{
			"internal/jinja.DefaultSteps",
			"internal/jinja.DefaultOutputBytes",
			"internal/jinja.DefaultValueBytes",
			"internal/jinja.DefaultTotalBytes",
		},
		[]string{"internal/jinja.TestHostileTemplatesEndWithTheirBudget"},
	},
	"a function hook, a Python condition": {
		[]string{"rossum/formula.maxSent"},
		[]string{"internal/txscript.TestEveryConstructEndsAtItsLimit", "steps.TestAFunctionSendsALargeDocument"},
	},
	"a formula": {nil, []string{"internal/txscript.TestRunsEndWithinTheirLimits"}},
	"operators in a row": {
		[]string{"internal/txscript.maxLinks", "internal/jinja.maxChain"},
		[]string{"internal/txscript.TestChainsAreLongOrRefused", "internal/jinja.TestChainsAreLongOrRefused"},
	},
	"a path of ElementTree, also in `$xmlpath`": {
		[]string{"internal/xmldoc.maxPath", "internal/xmldoc.maxParts"}, []string{"internal/xmldoc.TestAPathIsBounded"},
	},
	"Python values within one another": {
		[]string{
			"internal/python/pyvalue.maxCompared", "internal/txscript.maxClassTuples",
			"internal/python/pyvalue.maxPrints",
			"internal/python/pyvalue.maxKeyDepth",
			"internal/txscript.maxAncestors",
		},
		[]string{
			"internal/txscript.TestDeepValuesAreNotPrinted",
			"internal/txscript.TestDeepValuesAreNeitherComparedNorKeys",
		},
	},
	"a JMESPath": {
		[]string{"internal/jmespath.maxSteps", "internal/jmespath.maxBytes"},
		[]string{"internal/jmespath.TestASearchEndsAtItsLimit"},
	},
	"an XPath or pattern of the extractor": {
		[]string{"steps.maxSearchSteps"},
		[]string{"steps.TestAnXPathEndsAtItsLimit"},
	},
	"what an extractor finds in a reply": {
		[]string{"steps.maxFound"},
		[]string{"steps.TestAllThatIsFoundInAReplyIsBoundedTogether"},
	},
	"a condition in expr-lang": {
		[]string{"pipeline/expression.maxConditionBytes"},
		[]string{"pipeline/expression.TestEachFunctionOfTheLanguageHasACostOrMakesNothingLarge"},
	},
	"a file put into text": {
		[]string{"internal/jsontemplate.maxText"},
		[]string{"internal/jsontemplate.TestAFileThatIsTooLargeIsNotPutIntoText"},
	},
	"a JSON template": {
		[]string{"internal/jsontemplate.maxSteps", "internal/jsontemplate.maxText"},
		[]string{"internal/jsontemplate.TestARenderingIsBoundedBeforeItIsMade"},
	},
	"a `target_key` of the Request Processor with its sequence": {
		[]string{"steps/requestprocessor.maxKey"},
		[]string{"steps/requestprocessor.TestWrongSettingsAreNamedWithTheirPlace"},
	},
	"a text of the Request Processor": {
		[]string{"internal/reqproc.maxSteps", "internal/reqproc.maxMade"},
		[]string{"internal/reqproc.TestWhatATemplatePutsTogetherIsBounded"},
	},
	"the values that a run writes": {[]string{"rossum.maxWritten"}, []string{"rossum.TestTheValuesOfARunAreBounded"}},
	"an OAuth token": {
		[]string{"pipeline/send.maxToken", "pipeline/send.maxTokenReply"},
		[]string{"pipeline/send.TestATokenIsUsedAsLongAsItsReplySays"},
	},
	"levels of JSON and XML": {
		[]string{"internal/python/pyvalue.maxJSONDepth", "internal/xmldoc.maxDepth"},
		[]string{"internal/hostile.TestWhateverAPeerDoesAnExportEndsAndSaysSo"},
	},
	"calls of one `call_api`": {
		[]string{"steps/requestprocessor.maxItems"},
		[]string{"steps/requestprocessor.TestTooManyElementsAreRefused"},
	},
	"a document in Rossum": {[]string{"rossum.MaxDocumentSize"}, []string{"rossum.TestDocumentsAreSavedReadAndDeleted"}},
	"a listing of an SFTP directory": {
		[]string{"sftpexport.maxListing"},
		[]string{"sftpexport.TestAListingWithoutAnEndIsGivenUp"},
	},
	"text of the header in the lines of a native CSV or XLSX": {
		[]string{"rossum/native.maxRepeated"}, []string{"rossum/native.TestUnusableExportsAreRefused"},
	},
	"a native export (CSV, XML, JSON, XLSX)": {
		[]string{"sftpexport.maxNative"}, []string{"sftpexport.TestANativeExportThatIsMadeHereIsBounded"},
	},
	"a message for Workday, besides its files": {
		[]string{"workday/internal/message.maxMessage"},
		[]string{"workday/internal/message.TestAMessageIsBoundedBeforeItIsMade"},
	},
	"a WSDL": {
		[]string{
			"workday.maxWSDL", "workday/internal/wsdl.maxParts", "workday/internal/wsdl.maxNested",
			"workday/internal/wsdl.maxUnion", "workday/internal/wsdl.maxDeclared", "workday/internal/wsdl.maxTags", "workday/internal/wsdl.maxTag",
		},
		[]string{
			"workday.TestTheAnswersOfAHostileServerAreBounded", "workday/internal/wsdl.TestTypesAreBounded",
			"workday/internal/wsdl.TestDeclarationsAndTagsAreBounded",
		},
	},
	"text of a body on the ledger": {
		[]string{"pipeline.maxRecordedBody"},
		[]string{"pipeline.TestWhatIsTooLargeForTheLedgerMustBeTheSameWhenTheRunGoesOn"},
	},
	"a URL; the headers of a call": {
		[]string{"internal/httpcall.MaxURL", "internal/httpcall.MaxHeader", "internal/address.maxLength"},
		[]string{"pipeline/send.TestAURLOrHeaderThatIsTooLongIsNotSent", "internal/address.TestAValueAsLongAsADocumentMakesNoURL"},
	},
	"the texts that the path of a file is made of": {
		[]string{"sftpexport/internal/naming.maxText", "sftpexport/internal/naming.MaxName"},
		[]string{"sftpexport/internal/naming.TestATextAsLongAsADocumentIsNoName", "sftpexport/internal/naming.TestLongValuesStayApart"},
	},
	"a text that people are shown: a message, an error, a decision, an attribute of the log": {
		[]string{"internal/redact.MaxSaid"},
		[]string{"internal/components.TestNothingThatIsSaidIsLong", "pipeline.TestALongMessageIsCutAndSaysHowLongItIs"},
	},
	"the messages of a run; the decisions of a step": {
		[]string{"pipeline.maxMessages", "pipeline.maxDecisions"},
		[]string{"pipeline.TestMessagesAreBoundedAndAnErrorAmongThemCounts", "pipeline.TestDecisionsBeyondTheirLimitAreCounted"},
	},
	"a body in a detailed report": {
		[]string{"pipeline.defaultBodyLimit"},
		[]string{"pipeline.TestNoHalfOfASecretIsLeftWhereATextIsCut"},
	},
	"runs that are remembered": {
		[]string{"pipeline/hookserver.memoryKeep"},
		[]string{
			"pipeline/hookserver.TestWithoutAJournalResultsAreForgottenAfterAQuarterOfAnHour",
			"pipeline/hookserver.TestResultsAreForgottenAndTheirAddressesSaySo",
		},
	},
	"the answer to the same call again": {
		[]string{"pipeline/hookserver.defaultWindow"},
		[]string{"pipeline/hookserver.TestACallThatComesAgainDoesNotRunAgain"},
	},
	"a run of a process that is gone": {[]string{"pipeline.defaultLease"}, []string{"pipeline/hookserver.TestTheTableOfCrashes"}},
}

// promises are the sentences in bold of "What is promised".
var promises = map[string][]string{
	"Nothing is posted twice, and no answer is lost": {
		"pipeline/internal/crashtest.TestSimulation", "pipeline/hookserver.TestTheTableOfCrashes",
		"pipeline.TestARunThatIsKilledAtAnyWriteGoesOn",
		"internal/httpcall.TestACallThatWasSentIsNotRepeatedWhenTheConnectionIsLost",
		"internal/httpcall.TestOverHTTP2ACallThatActedIsNotRepeated",
	},
	"Text of a document stays text.": {
		"internal/address.TestAValueChoosesNoHostThatNobodyHasNamed", "internal/address.TestAValueLeavesItsPlaceInThePathNever",
		"steps.TestAFormFieldWithJSONIsEscapedInItself",
		"sftpexport.FuzzTemplates",
	},
	"Secrets appear nowhere but where they are sent": {
		"internal/components.TestNoOutputOfAnExportShowsASecret",
		"internal/redact.TestNoFormOfASecretSurvives",
		"pipeline/organisation.TestNoSystemSeesTheSecretsOfAnotherHook",
	},
	"Credentials follow no redirect to another origin": {
		"internal/httpcall.TestARedirectTakesCredentialsToNoOtherHost", "pipeline/send.TestAStepsClientFollowsRedirectsToItsOwnOriginOnly",
		"steps/requestprocessor.TestAForeignHostIsNotFollowedByRedirect", "pipeline/organisation.TestATokenIsKeptWithTheHookThatOwnsIt",
	},
	"No call reaches the addresses at which clouds hand out credentials": {
		"internal/egress.TestMetadataIsForbiddenInEverySpelling", "internal/components.TestANameThatTurnsToMetadataIsNotReached",
		"internal/httpcall.TestNoSpellingOfMetadataReachesAProxy",
	},
	"Servers prove who they are": {"internal/hostile.TestWhateverAPeerDoesAnExportEndsAndSaysSo", "sftpexport.TestAnotherHostKeyIsRefused"},
	"A call without a valid signature is refused": {
		"pipeline/hookserver.TestTheBodyOfAnUnsignedCallIsNotRead", "pipeline/hookserver.TestWhatIsNoHookCallIsRefusedAndNothingRuns",
		"pipeline/hookserver.TestFewLargeBodiesAreReadAtATime",
		"rossum.TestSignaturesAreCheckedAgainstEverySecret", "pipeline/hookserver.TestAServerWithoutAUsableSecretIsNotBuilt",
	},
	"Inputs are bounded": {
		"internal/measure.TestMeasure", "internal/hostile.TestWhateverAPeerDoesAnExportEndsAndSaysSo",
		"internal/hostile.TestWhateverAnSFTPServerDoesAnExportEndsAndSaysSo",
		"internal/hostile.TestWhateverIsSentToTheEntranceIsAnswered",
	},
	"Pages run nothing": {"pipeline/runpage.TestAPageShowsNoSecretAndRunsNoText"},
	"A purge erases": {
		"pipeline/hookserver.TestAPurgeWaitsForNobodyAndErasesWhatIsKnown",
		"pipeline/folderledger.TestErasedBytesAreNowhereOnTheDisk",
	},
	"What a durable ledger keeps is sealed": {
		"internal/seal.TestWhatIsSealedOpensAtItsPlaceOnly", "internal/seal.TestAnyChangedOrMissingByteIsFound",
		"pipeline.TestADurableLedgerNeedsAKeyUnlessItsDiskIsTrusted",
	},
}

func TestEveryPromiseOfTheSecurityPageHasATest(t *testing.T) {
	t.Parallel()
	said := make(map[string]bool)
	for _, m := range regexp.MustCompile(`(?m)^- \*\*(.+?)\*\*`).FindAllStringSubmatch(section(t, "What is promised"), -1) {
		said[m[1]] = true
		if promises[m[1]] == nil {
			t.Errorf("no test is named for %q", m[1])
		}
	}
	for promise, tests := range promises {
		if !said[promise] {
			t.Errorf("SECURITY.md has no promise %q", promise)
		}
		haveTests(t, promise, tests)
	}
}

func TestTheTableOfLimitsIsThatOfTheCode(t *testing.T) {
	t.Parallel()
	said := make(map[string]bool)
	for line := range strings.Lines(section(t, "Limits")) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if len(cells) != 4 || strings.HasPrefix(line, "| what |") {
			continue
		}
		what, limit := strings.TrimPrefix(cells[0], "| "), cells[1]
		p, known := limits[what]
		said[what] = true
		if !known {
			t.Errorf("no test is named for the limit of %s", what)
		}
		for _, name := range p.constants {
			if want := shown(t, name); !strings.Contains(limit, want) {
				t.Errorf("%s: the table says %q, and %s is %s", what, limit, name, want)
			}
		}
		haveTests(t, what, p.tests)
	}
	for what := range limits {
		if !said[what] {
			t.Errorf("SECURITY.md has no limit of %s", what)
		}
	}
}

// section returns what follows a heading of SECURITY.md.
func section(t *testing.T, heading string) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(root, "SECURITY.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(page), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("SECURITY.md has no heading %q", heading)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	return text
}

// haveTests checks that tests, as "folder.name", are there.
func haveTests(t *testing.T, what string, tests []string) {
	t.Helper()
	if len(tests) == 0 {
		t.Errorf("%s: no test is named", what)
	}
	for _, name := range tests {
		if declaration(t, name, "_test.go") == nil {
			t.Errorf("%s: there is no %s", what, name)
		}
	}
}

// declaration returns what declares a name, as "folder.name", in the files of its folder that
// end in suffix: an expression for a constant; nil if nothing does.
func declaration(t *testing.T, name, suffix string) ast.Node {
	t.Helper()
	folder, name := path.Split(name)
	of, name, _ := strings.Cut(name, ".")
	files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(folder+of), "*"+suffix))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.Name == name {
					return d
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if v, is := s.(*ast.ValueSpec); is && len(v.Names) == 1 && v.Names[0].Name == name && len(v.Values) == 1 {
						return v.Values[0]
					}
				}
			}
		}
	}
	return nil
}

// shown returns a constant as the table writes it: a time, bytes, or a number.
func shown(t *testing.T, name string) string {
	t.Helper()
	value, _ := declaration(t, name, ".go").(ast.Expr)
	if value == nil {
		t.Fatalf("there is no constant %s", name)
	}
	source := types.ExprString(value)
	isTime := strings.Contains(source, "time.")
	for unit, d := range map[string]time.Duration{"time.Second": time.Second, "time.Minute": time.Minute, "time.Hour": time.Hour} {
		source = strings.ReplaceAll(source, unit, strconv.FormatInt(int64(d), 10))
	}
	v, err := types.Eval(token.NewFileSet(), nil, token.NoPos, source)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	n, _ := constant.Int64Val(v.Value)
	switch {
	case isTime && n >= int64(time.Minute):
		return strconv.FormatInt(n/int64(time.Minute), 10) + " minutes"
	case isTime:
		return strconv.FormatInt(n/int64(time.Second), 10) + " seconds"
	case n%(1<<30) == 0:
		return strconv.FormatInt(n>>30, 10) + " GiB"
	case n%(1<<20) == 0:
		return strconv.FormatInt(n>>20, 10) + " MiB"
	case n%(1<<10) == 0:
		return strconv.FormatInt(n>>10, 10) + " KiB"
	case n%1_000_000 == 0:
		return strconv.FormatInt(n/1_000_000, 10) + " million"
	case n >= 1000:
		return strconv.FormatInt(n/1000, 10) + "," + strconv.FormatInt(1000+n%1000, 10)[1:]
	}
	return strconv.FormatInt(n, 10)
}
