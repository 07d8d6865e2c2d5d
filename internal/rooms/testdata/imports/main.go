// The program imports packages and uses nothing of them.
package main

import (
	_ "github.com/exportpipeline/exportpipeline/pipeline"
	_ "github.com/exportpipeline/exportpipeline/steps"
)

func main() {}
