// Package template compiles the template languages of Rossum's export settings for steps
// of one's own, and renders them over an export:
//
//   - Jinja2, as custom format templating has it ([CompileJinja]): a text with the
//     variables field, payload and file;
//   - JSON templates, as REST API export and Workday have them ([CompileJSON],
//     [CompileText]): @{schema_id}, {secret.name}, #{file_content}, #{original_file} and
//     operators such as $FOR_EACH_SCHEMA_ID$.
//
// A template is compiled once, when the step is, and rendered for any number of exports at
// the same time. Its Uses tell beforehand what it reads, for pipeline.Describer. Both
// languages are bounded in steps and size; see [Limits].
package template
