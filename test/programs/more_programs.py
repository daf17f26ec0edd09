"""Jobs of large programs for programs_test.py --more: those are installed by hand (the package's name stands beside it).

Of each: its name, Debian's package, a command of sh that is given a new folder to work in. It runs in a process group
of its own, prints the same each time, and starts what is no part of the job (a client) with `env -u LD_PRELOAD`.
"""
JAVA = """
cat > Work.java <<'END'
import java.util.concurrent.*;
public class Work {
  static class Fib extends RecursiveTask<Long> {
    final int n;
    Fib(int n) { this.n = n; }
    protected Long compute() {
      if (n < 2) return (long) n;
      Fib left = new Fib(n - 1);
      left.fork();
      return new Fib(n - 2).compute() + left.join();
    }
  }
  static int count = 0;
  static int deeper(int n) { return deeper(n + 1) + 1; }
  public static void main(String[] arguments) throws Exception {
    System.out.println(new ForkJoinPool(4).invoke(new Fib(20)));
    Object lock = new Object();
    Thread[] threads = new Thread[8];
    for (int i = 0; i < 8; i++) {
      threads[i] = new Thread(() -> { for (int k = 0; k < 10000; k++) synchronized (lock) { count++; } });
      threads[i].start();
    }
    for (Thread thread : threads) thread.join();
    int nulls = 0;
    String nothing = null;
    for (int i = 0; i < 20000; i++) try { nulls += nothing.length(); } catch (NullPointerException e) { nulls++; }
    byte[][] kept = new byte[1000][];
    for (int i = 0; i < 100000; i++) kept[i % 1000] = new byte[2000];
    try { deeper(0); } catch (StackOverflowError e) { System.out.println(count + " " + nulls); }
    Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("hook")));
    System.exit(3);
  }
}
END
javac Work.java && java OPTIONS -Xmx256m Work
"""

RUBY = """
queue, lock, count = Queue.new, Mutex.new, 0
4.times.map { Thread.new { 2000.times { lock.synchronize { count += 1 }; queue << 1 } } }.each(&:join)
puts count, queue.size
Process.wait fork { Thread.new { puts "child" }.join; exit 4 }
puts $?.exitstatus, `echo hi`
Thread.new { sleep }
exit 2
"""

PERL = """
use threads; use threads::shared;
my $count :shared = 0;
my @all = map { threads->create(sub { for (1 .. 2000) { lock($count); $count++ } }) } 1 .. 6;
$_->join for @all;
threads->create(sub { sleep 100 })->detach;
print "$count\\n";
exit 2;
"""

ERLANG = """P = self(), [spawn(fun() -> P ! lists:sum(lists:seq(1, X)) end) || X <- lists:seq(1, 2000)],
io:format("~p~n", [lists:sum([receive V -> V end || _ <- lists:seq(1, 2000)])]), halt(3)."""

PYTHON = """
import asyncio, concurrent.futures, multiprocessing, sys, threading
async def many():
    loop = asyncio.get_running_loop()
    return sum(await asyncio.gather(*[loop.run_in_executor(None, abs, i) for i in range(200)]))
if __name__ == "__main__":
    print(asyncio.run(many()))
    for method in "fork", "spawn", "forkserver":
        context = multiprocessing.get_context(method)
        with context.Pool(3) as pool: print(sum(pool.map(abs, range(500))))
    with concurrent.futures.ProcessPoolExecutor(3) as pool: print(sum(pool.map(abs, range(200))))
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    sys.exit(9)
"""

APACHE = """
cat > conf <<END
ServerRoot $PWD
PidFile pid
LoadModule mpm_KIND_module /usr/lib/apache2/modules/mod_mpm_KIND.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
ServerName here
User www-data
Group www-data
Listen 127.0.0.1:8932
DocumentRoot $PWD
ErrorLog log
END
chmod 755 .
head -c 100000 /dev/zero > page
apache2 -d . -f $PWD/conf || exit 9
sleep 1
env -u LD_PRELOAD ab -q -n 1000 -c 8 http://127.0.0.1:8932/page | grep -E 'Complete|Failed'
apache2 -d . -f $PWD/conf -k graceful
sleep 1
env -u LD_PRELOAD curl -s http://127.0.0.1:8932/page | md5sum
P=$(cat pid)
apache2 -d . -f $PWD/conf -k stop
while kill -0 $P 2>/dev/null; do sleep 0.1; done
"""

NGINX = """
echo "user root; worker_processes 2; pid $PWD/pid; error_log $PWD/log; thread_pool default threads=4;
events {} http { access_log off; aio threads; sendfile off; directio 1;
server { listen 127.0.0.1:8931; root $PWD; } }" > conf
head -c 100000 /dev/zero > page
nginx -c $PWD/conf -e log || exit 9
sleep 0.5
env -u LD_PRELOAD ab -q -n 1000 -c 8 http://127.0.0.1:8931/page | grep -E 'Complete|Failed'
P=$(cat pid)
kill -HUP $P
sleep 0.5
env -u LD_PRELOAD curl -s http://127.0.0.1:8931/page | md5sum
kill -QUIT $P
while kill -0 $P 2>/dev/null; do sleep 0.1; done
"""

MARIADB = """
mariadb-install-db --no-defaults --user=root --datadir=$PWD/data --skip-test-db > log 2>&1 || exit 9
mariadbd --no-defaults --user=root --datadir=$PWD/data --socket=$PWD/s --skip-networking --skip-grant-tables >> log 2>&1 &
P=$!
ask() { env -u LD_PRELOAD mariadb --no-defaults -S $PWD/s "$@"; }
until ask -e 'select 1' > /dev/null 2>&1; do sleep 0.1; done
ask -e 'create database d; create table d.t(a int auto_increment primary key, b int, key(b))'
W=
for client in 1 2 3 4 5 6 7 8; do
  for i in $(seq 60); do
    echo "insert into d.t(b) values($i), ($client); update d.t set b = b + 1 where a % 7 = $client;"
  done | ask -f d > /dev/null 2>&1 &
  W="$W $!"
done
wait $W
ask -e 'select count(*) from d.t; check table d.t; shutdown'
wait $P
"""

MEMCHECK = """
cat > many.c <<'END'
#include <pthread.h>
#include <stdio.h>
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int count;
static void* add(void* ignored) {
  for (int i = 0; i < 200; i++) { pthread_mutex_lock(&lock); count++; pthread_mutex_unlock(&lock); }
  return ignored;
}
int main() {
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) pthread_create(threads + i, 0, add, 0);
  for (int i = 0; i < 4; i++) pthread_join(threads[i], 0);
  printf("%d\\n", count);
  return 4;
}
END
env -u LD_PRELOAD cc many.c -o many -pthread && valgrind -q ./many
"""


def script(interpreter, text):
    return f"cat > script <<'END'\n{text}END\n{interpreter} script\n"


FFMPEG = "ffmpeg -v error -nostdin -f lavfi -i testsrc2=size=320x240:rate=25:duration=2 "
CLIP = "videotestsrc num-buffers=100 ! queue ! videoconvert ! queue ! videoscale ! video/x-raw,width=100 ! queue ! fdsink"

JOBS = [
    ("java_g1", "default-jdk-headless", JAVA.replace("OPTIONS", "-XX:+UseG1GC")),
    ("java_parallel", "default-jdk-headless", JAVA.replace("OPTIONS", "-XX:+UseParallelGC")),
    ("java_z", "default-jdk-headless", JAVA.replace("OPTIONS", "-XX:+UseZGC")),
    ("ffmpeg_x264", "ffmpeg", FFMPEG + "-c:v libx264 -threads 4 -f h264 -"),
    ("ffmpeg_x265", "ffmpeg", FFMPEG + "-c:v libx265 -x265-params log-level=none -threads 4 -f hevc -"),
    ("ffmpeg_vp9", "ffmpeg", FFMPEG + "-c:v libvpx-vp9 -row-mt 1 -threads 4 -f ivf -"),
    ("gstreamer", "gstreamer1.0-tools gstreamer1.0-plugins-base", f"gst-launch-1.0 -q {CLIP}"),
    ("graphicsmagick", "graphicsmagick", "gm convert -size 400x300 gradient:red-blue -blur 0x3 -resize 200x pnm:-"),
    ("graphicsmagick_plasma", "graphicsmagick", "gm convert -size 400x300 plasma:red-blue pnm:/dev/null"),
    ("erlang", "erlang-base", f"cat > eval <<'END'\n{ERLANG}\nEND\nerl -noshell -eval \"$(cat eval)\""),
    ("ruby", "ruby", script("ruby", RUBY)),
    ("perl", "perl", script("perl", PERL)),
    ("python3", "python3", script("/usr/bin/python3", PYTHON)),
    ("ripgrep", "ripgrep", "rg -j4 -c pthread /usr/include | sort"),
    ("sqlite3", "sqlite3", "sqlite3 :memory: 'pragma threads=4; create table t(a, b); with recursive c(x) as (select 1 "
     "union all select x+1 from c where x<100000) insert into t select x, x*7919%100003 from c; create index i on t(b); "
     "select sum(a), count(*) from (select a from t order by b)'"),
    ("qemu_img", "qemu-utils", "qemu-img create -q -f qcow2 a 50M && qemu-io -c 'write 0 20M' a | head -n 1 && "
     "qemu-img convert -W -m 8 -O raw a b && md5sum b"),
    ("libreoffice", "libreoffice-writer-nogui", "echo hello > doc.txt; soffice -env:UserInstallation=file://$PWD/user "
     "--headless --convert-to html doc.txt > /dev/null 2>&1; md5sum doc.html"),
    ("chromium", "chromium", "echo '<p id=x></p><script>x.textContent = 6 * 7</script>' > a.html; chromium --headless "
     "--no-sandbox --disable-gpu --user-data-dir=$PWD/user --dump-dom file://$PWD/a.html 2> /dev/null"),
    ("apache_event", "apache2-bin apache2-utils curl", APACHE.replace("KIND", "event")),
    ("apache_worker", "apache2-bin apache2-utils curl", APACHE.replace("KIND", "worker")),
    ("nginx", "nginx apache2-utils curl", NGINX),
    ("mariadb", "mariadb-server", MARIADB),
    ("memcheck", "valgrind", MEMCHECK),
]
