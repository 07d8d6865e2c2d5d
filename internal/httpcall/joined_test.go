package httpcall_test

import (
	"fmt"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
)

func TestHeadersOfOneNameAreJoinedHoweverManyThereAre(t *testing.T) {
	t.Parallel()
	for _, others := range []int{1, 100} {
		fields := [][2]string{{"Set-Cookie", "a"}, {"X-B", "b"}}
		for i := range others {
			fields = append(fields, [2]string{fmt.Sprint("X-", i), "v"})
		}
		reply := &httpcall.Reply{}
		reply.Restore(append(fields, [2]string{"set-cookie", "c"}, [2]string{"x_b", "d"}))
		got := reply.Joined()
		if len(got) != 2+others || got[0] != [2]string{"set_cookie", "a, c"} || got[1] != [2]string{"x_b", "b, d"} ||
			got[len(got)-1] != [2]string{fmt.Sprint("x_", others-1), "v"} {
			t.Errorf("with %d others: %v", others, got)
		}
	}
}
