# SPDX-License-Identifier: GPL-2.0-only
#
# The congestion windows in dir/bpf_ebb.dat and dir/cubic.dat. Terminal and output are the caller's, who sets dir, rate (Mbit/s),
# delay (ms each way), loss (%), seconds, moved (s: when the link was updated), and mono for a terminal that has characters in place of lines.

# what the link holds with its queue empty: below it, there is idle time
bdp = rate * 1e6 / 8 * 2 * delay / 1e3 / 1500

set title sprintf("Congestion window on two equal links: %g Mbit/s, %g ms round trip, %g %% loss", rate, 2 * delay, loss)
set xlabel "time (s)"
set ylabel "segments"
set xrange [0:seconds]
set yrange [0:*]
set arrow from moved, graph 0 to moved, graph 1 nohead dashtype 3
set label "link updated" at moved, graph 0.97 offset 0.5
set key outside bottom center horizontal noenhanced
if (mono) {
	plot dir."/bpf_ebb.dat" with lines title "bpf_ebb", dir."/cubic.dat" with lines title "cubic"
} else {
	set border 3 linecolor "#606060"
	set tics nomirror out textcolor "#404040"
	set grid linecolor "#d8d8d8" linetype 1 linewidth 0.5
	set title font ",16"
	# room between the axis and the key below it
	set bmargin 5
	plot dir."/bpf_ebb.dat" with lines linecolor "#0072b2" linewidth 2 title "bpf_ebb", \
		dir."/cubic.dat" with lines linecolor "#d55e00" linewidth 2 title "cubic", \
		bdp with lines linecolor "#808080" linewidth 1.5 dashtype 2 title "link full, no queue"
}
