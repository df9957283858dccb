! A learned right-hand side in a time stepper: x' = f(x, u) from measurements, stepped by the implicit midpoint rule, whose
! Newton iteration takes df/dx from the network.
module plant
    use, intrinsic :: iso_c_binding, only: c_double
    implicit none
    integer, parameter :: n = 2                   ! states
    real(c_double), parameter :: damping = 1
contains
    ! Van der Pol's oscillator with a force u: what the measurements are of, and the learner does not know.
    function true_slope(x, u) result(f)
        real(c_double), intent(in) :: x(n), u
        real(c_double) :: f(n)
        f = [x(2), damping*(1 - x(1)**2)*x(2) - x(1) + u]
    end function

    real(c_double) function force(t)
        real(c_double), intent(in) :: t
        force = 0.5_c_double*cos(2*t)
    end function

    ! The truth, by Runge-Kutta's method of fourth order with steps so small that they do not count.
    subroutine true_step(x, t, h)
        real(c_double), intent(inout) :: x(n)
        real(c_double), intent(in) :: t, h
        integer, parameter :: parts = 200
        real(c_double) :: k1(n), k2(n), k3(n), k4(n), d, now
        integer :: i
        d = h/parts
        do i = 0, parts - 1
            now = t + i*d
            k1 = true_slope(x, force(now))
            k2 = true_slope(x + d/2*k1, force(now + d/2))
            k3 = true_slope(x + d/2*k2, force(now + d/2))
            k4 = true_slope(x + d*k3, force(now + d))
            x = x + d/6*(k1 + 2*k2 + 2*k3 + k4)
        end do
    end subroutine
end module

program time_stepper
    use, intrinsic :: iso_c_binding, only: c_double
    use handgrad
    use plant
    implicit none
    real(c_double), parameter :: h = 0.05_c_double
    type(handgrad_model) :: model
    real(c_double) :: x(n), truth(n), t, worst
    integer :: step, iterations, most

    call learn(model)
    x = [2.0_c_double, 0.0_c_double]
    truth = x
    worst = 0
    most = 0
    do step = 1, 200
        t = (step - 1)*h
        call implicit_midpoint(model, x, t, iterations)
        call true_step(truth, t, h)
        worst = max(worst, abs(x(1) - truth(1)))
        most = max(most, iterations)
        if (mod(step, 40) == 0) write (*, '(a,f5.1,2(a,f6.2))') 't', step*h, '  position', x(1), '  in truth', truth(1)
    end do
    write (*, '(a,l1)') 'the path stays within 0.05 of the true one: ', worst < 0.05_c_double
    write (*, '(a,l1)') 'Newton takes at most 5 iterations a step:  ', most <= 5
    call model%free()

contains

    ! Slopes at states and forces all over the range: columns x1, x2 (the state) and x3 (u); targets y1, y2.
    subroutine learn(model)
        type(handgrad_model), intent(inout) :: model
        integer, parameter :: a = 31, b = 31, c = 3
        real(c_double), allocatable :: x(:, :), y(:, :)
        integer :: i, j, k, row
        allocate (x(n + 1, a*b*c), y(n, a*b*c))
        row = 0
        do i = 1, a
            do j = 1, b
                do k = 1, c
                    row = row + 1
                    x(:, row) = [-2.5 + 5.0*(i - 1)/(a - 1), -4.0 + 8.0*(j - 1)/(b - 1), -0.6 + 1.2*(k - 1)/(c - 1)]
                    y(:, row) = true_slope(x(1:n, row), x(n + 1, row))
                end do
            end do
        end do
        call model%train(x, y, 'hidden=24,24 hidden_activation=tanh dtype=f64 epochs=200 batch=32 lr=0.01 schedule=cosine')
    end subroutine

    ! x+ = x + h f((x + x+)/2, u), solved by Newton's method: (I - h/2 df/dx) d = x + h f - x+.
    subroutine implicit_midpoint(model, x, t, iterations)
        type(handgrad_model), intent(in) :: model
        real(c_double), intent(inout) :: x(n)
        real(c_double), intent(in) :: t
        integer, intent(out) :: iterations
        real(c_double) :: next(n), f(n), J(n, n + 1), A(n, n), r(n), d(n), det
        next = x
        do iterations = 1, 20
            call model%jacobian([(x + next)/2, force(t + h/2)], f, J)
            r = x + h*f - next
            A = -h/2*J(:, 1:n)  ! J(k, j) = df_k/dx_j; its last column is by u
            A(1, 1) = A(1, 1) + 1
            A(2, 2) = A(2, 2) + 1
            det = A(1, 1)*A(2, 2) - A(1, 2)*A(2, 1)
            d = [r(1)*A(2, 2) - A(1, 2)*r(2), A(1, 1)*r(2) - A(2, 1)*r(1)]/det
            next = next + d
            if (maxval(abs(d)) < 1e-10_c_double) exit
        end do
        x = next
    end subroutine
end program
