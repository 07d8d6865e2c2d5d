package temporalrun

// The workflow, for the tests.
var Export = export

const WorkflowName = workflowName
